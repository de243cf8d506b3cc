//! What a payer, a customer and a developer do with the pages, and what they read on them.

use crate::{driver::Browser, person::Person};

/// All of it, one after the other. Answers the pages that were come by.
pub fn all(browser: &Browser, base: &str) -> Vec<String> {
    let person = Person::at(browser);
    person.opens(&format!("{base}/"), "Sandbox");
    first_steps(&person);
    customer(&person, base);
    payer(&person, base);
    holder(&person, base);
    faults(&person, base);
    person.pages()
}

/// A newcomer makes a sample, moves a month on, and reads the webhook.
fn first_steps(person: &Person<'_>) {
    person.goes_to("To the content");
    person.presses("Make a sample");
    person.is_at("Sandbox");
    person.reads("Done: the subscription of Jenny Rosen is there.");
    person.presses("A month on");
    person.is_at("Sandbox");
    person.reads("01 Feb 2026");
    person.reads("customer.subscription.updated");
    person.presses("An hour on");
    person.is_at("Sandbox");
    person.reads("Done: the next month has its invoice");
    person.presses("Open the inbox");
    person.is_at("Inbox");
    person.fills("Type begins with", "invoice.paid");
    person.enters();
    person.is_at("Inbox");
    person.reads("invoice.paid");
    person.does_not_read("invoice.created");
    person.unfolds("invoice.paid");
    for part in ["Stripe-Signature", "t=1769907600,v1=", "\"type\": \"invoice.paid\"", "The signature is good."] {
        person.reads(part);
    }
    // The event has a page of its own, with each of its deliveries.
    person.presses("Events");
    person.is_at("Events");
    person.presses("invoice.paid");
    person.is_at("invoice.paid");
    person.reads("answered 200");
    person.presses("Send it again");
    person.is_at("invoice.paid");
    person.reads("What was sent");
}

/// A customer changes plan, cancels, thinks better of it, and changes the card.
fn customer(person: &Person<'_>, base: &str) {
    person.opens(&format!("{base}/"), "Sandbox");
    person.presses("Open a billing portal");
    person.is_at("Your account");
    person.reads("Pro (at $20.00 / month)");
    person.presses("Change plan");
    person.is_at("Change your plan");
    person.chooses("Pro (at $20.00 / month)", "Pro (at $200.00 / year)");
    person.presses("Continue");
    person.is_at("Confirm your change");
    person.reads("is due now");
    person.presses("Confirm");
    person.is_at("Your account");
    person.presses("Cancel plan");
    person.is_at("Cancel your plan");
    person.presses("Cancel plan");
    person.is_at("Your account");
    person.reads("Ends on");
    person.presses_by_space("Don’t cancel");
    person.is_at("Your account");
    person.reads("Renews on");
    person.presses("Add a payment method");
    person.is_at("Add a payment method");
    person.fills("Card number", "5555555555554444");
    person.fills("Expiry", "1234");
    person.fills("Security code", "123");
    person.presses("Add");
    person.is_at("Your account");
    person.reads("Mastercard ending in 4444, expires 12 / 2034 default");
    person.presses("Change your details");
    person.is_at("Your details");
    person.fills("Name", "Jenny Example");
    person.presses("Save");
    person.is_at("Your account");
    person.reads("Jenny Example");
}

/// A payer mistypes a card, is told, and pays.
fn payer(person: &Person<'_>, base: &str) {
    person.opens(&format!("{base}/"), "Sandbox");
    person.presses("Open a checkout");
    person.is_at("Checkout");
    person.reads("Due today");
    person.fills("Email", "ann@example.com");
    person.fills("Card number", "4242 4242 4242 4241");
    person.fills("Expiry", "12 / 34");
    person.fills("Security code", "123");
    person.presses("Subscribe and pay $20.00");
    person.is_at("Error: Checkout");
    person.reads("Your card number is incorrect.");
    assert_eq!(person.focused()["name"], "Your card number is incorrect.", "the problem has the focus");
    person.fills("Card number", "4242 4242 4242 4242");
    person.presses("Subscribe and pay $20.00");
    person.is_at("cs_test_");
    person.reads("\"payment_status\": \"paid\"");
}

/// The holder of a card is asked by the bank: in vain, then with success.
fn holder(person: &Person<'_>, base: &str) {
    person.opens(&format!("{base}/"), "Sandbox");
    person.presses("Open a checkout");
    person.is_at("Checkout");
    person.presses("4000 0027 6000 3184");
    person.is_at("Checkout");
    person.presses("Subscribe and pay $20.00");
    person.is_at("3-D Secure");
    person.reads("$20.00 with Visa ending in 3184");
    person.presses("Fail");
    person.is_at("Error: Checkout");
    person.reads("unable to authenticate");
    person.presses("4000 0027 6000 3184");
    person.is_at("Checkout");
    person.presses("Subscribe and pay $20.00");
    person.is_at("3-D Secure");
    person.presses_by_space("Complete");
    person.is_at("cs_test_");
    person.reads("\"status\": \"complete\"");
}

/// A developer plants a fault, and takes it away.
fn faults(person: &Person<'_>, base: &str) {
    person.opens(&format!("{base}/_sandbox/faults"), "Faults");
    person.reads("None is planted: requests are answered as they should be.");
    person.chooses("What goes wrong", "429: the object is in use");
    person.presses("Plant it");
    person.is_at("Faults");
    person.reads("Any method, /v1/…");
    person.presses("Take it away");
    person.is_at("Faults");
    person.reads("None is planted: requests are answered as they should be.");
}
