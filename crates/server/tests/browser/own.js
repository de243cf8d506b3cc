const own = location.pathname.startsWith('/billing');
if (!document.title.endsWith(own ? 'Billing' : 'Sandbox')) say(`its title does not say what it is: ${document.title}`);
if (own && performance.getEntriesByType('resource').some((it) => !it.name.startsWith(location.origin))) say('it loads from elsewhere');
return wrong;
