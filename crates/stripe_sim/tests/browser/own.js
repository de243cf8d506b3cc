if (!document.title.endsWith('Sandbox')) say(`its title does not say what it is: ${document.title}`);
if (!document.body.innerText.includes('no money moves')) say('it is not marked as a sandbox');
return wrong;
