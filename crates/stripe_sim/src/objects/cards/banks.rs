//! Test bank accounts: ACH debits in the United States, SEPA debits in Europe.
//!
//! The numbers and their meaning are facts of <https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment> and
//! <https://docs.stripe.com/payments/sepa-debit/accept-a-payment>, as others wrote them down. Stripe's test mode
//! hurries; here a debit takes as long as a real one, since the clock can be moved. Those that the pages say take three
//! minutes do.

use super::{Behaviour, Claim, Debit, Decline, Follows, RefundEnd};

const DAY: i64 = 24 * 3600;
/// Until an ACH debit ends: "up to four business days". From memory of Stripe's page on ACH timing.
const ACH: i64 = 4 * DAY;
/// Until a SEPA debit ends: "about five business days". From memory of Stripe's page on SEPA timing.
const SEPA: i64 = 5 * DAY;
/// Until a debit ends of an account that Stripe's pages call delayed.
const THREE_MINUTES: i64 = 180;

/// A test bank account.
#[derive(Debug)]
pub(crate) struct Account {
    /// An account number, or an IBAN.
    pub number: &'static str,
    /// What a payment method of it is called that everyone shares.
    pub names: &'static [&'static str],
    pub behaviour: Behaviour,
}

/// A debit that ends `after` so many seconds.
const fn ends(after: i64, fails: Option<Decline>) -> Behaviour {
    // Money goes back to a bank account as slowly as it came.
    Behaviour { refund: RefundEnd::Later, debit: Some(Debit { after: Some(after), fails }), ..Behaviour::PLAIN }
}

const fn works(after: i64) -> Behaviour {
    ends(after, None)
}

const fn fails(after: i64, decline: Decline) -> Behaviour {
    ends(after, Some(decline))
}

/// Succeeds, and is taken back by its holder.
const fn disputed(after: i64) -> Behaviour {
    Behaviour { follows: Follows::Dispute(Claim::Debit), ..works(after) }
}

const fn account(number: &'static str, names: &'static [&'static str], behaviour: Behaviour) -> Account {
    Account { number, names, behaviour }
}

/// ACH accounts, of the routing number 110000000.
const ACH_ACCOUNTS: &[Account] = &[
    account("000123456789", &["pm_usBankAccount_success", "pm_usBankAccount"], works(ACH)),
    account("000111111113", &["pm_usBankAccount_accountClosed"], fails(ACH, Decline::AccountClosed)),
    account("000111111116", &["pm_usBankAccount_noAccount"], fails(ACH, Decline::NoAccount)),
    account("000222222227", &["pm_usBankAccount_insufficientFunds"], fails(ACH, Decline::DebitInsufficientFunds)),
    account("000333333335", &["pm_usBankAccount_debitNotAuthorized"], fails(ACH, Decline::DebitNotAuthorized)),
    account("000444444440", &["pm_usBankAccount_invalidCurrency"], fails(ACH, Decline::InvalidCurrency)),
    account("000555555559", &["pm_usBankAccount_dispute"], disputed(ACH)),
    account("000777777771", &["pm_usBankAccount_weeklyLimitExceeded"], fails(ACH, Decline::ExceedsWeeklyLimit)),
    account(
        "000000000009",
        &["pm_usBankAccount_processing"],
        Behaviour { debit: Some(Debit { after: None, fails: None }), ..works(ACH) },
    ),
    account(
        "000000004954",
        &["pm_usBankAccount_riskLevelHighest"],
        Behaviour { charging: Some(Decline::Blocked), risk: super::Risk::Highest, ..works(ACH) },
    ),
];

/// SEPA accounts. Those of Italy are the ones that `stripe trigger checkout.session.async_payment_failed` and the
/// page use.
const SEPA_ACCOUNTS: &[Account] = &[
    account("AT611904300234573201", &["pm_success_at", "pm_sepaDebit_success_at"], works(SEPA)),
    account("AT321904300235473204", &[], works(THREE_MINUTES)),
    account("AT861904300235473202", &[], fails(SEPA, Decline::CouldNotProcess)),
    account("AT051904300235473205", &[], fails(THREE_MINUTES, Decline::CouldNotProcess)),
    account("AT591904300235473203", &[], disputed(SEPA)),
    account("DE89370400440532013000", &["pm_success_de", "pm_sepaDebit_success_de"], works(SEPA)),
    account("DE08370400440532013003", &[], works(THREE_MINUTES)),
    account("DE62370400440532013001", &[], fails(SEPA, Decline::CouldNotProcess)),
    account("DE78370400440532013004", &[], fails(THREE_MINUTES, Decline::CouldNotProcess)),
    account("DE35370400440532013002", &[], disputed(SEPA)),
    account("DE65370400440000343434", &[], fails(SEPA, Decline::ExceedsSourceLimit)),
    account("DE27370400440000121212", &[], fails(SEPA, Decline::ExceedsWeeklyLimit)),
    account("DE65370400440002222227", &[], fails(SEPA, Decline::DebitInsufficientFunds)),
    account("IT60X0542811101000000123456", &[], fails(SEPA, Decline::CouldNotProcess)),
];

/// The account of a payment method that everyone shares: whether it is a SEPA account, and which.
pub(crate) fn by_bank_name(name: &str) -> Option<(bool, &'static Account)> {
    let found = |accounts: &'static [Account]| accounts.iter().find(|account| account.names.contains(&name));
    found(ACH_ACCOUNTS).map(|account| (false, account)).or_else(|| found(SEPA_ACCOUNTS).map(|account| (true, account)))
}

/// How the ACH account with this number behaves; one that is not listed works.
pub(crate) fn by_account(number: &str) -> Behaviour {
    let found = ACH_ACCOUNTS.iter().find(|account| account.number == number);
    found.map_or_else(|| works(ACH), |account| account.behaviour)
}

/// How the SEPA account with this IBAN behaves; one that is not listed works. `None` when it is no IBAN.
pub(crate) fn by_iban(iban: &str) -> Option<Behaviour> {
    if !is_iban(iban) {
        return None;
    }
    let found = SEPA_ACCOUNTS.iter().find(|account| account.number == iban);
    Some(found.map_or_else(|| works(SEPA), |account| account.behaviour))
}

/// Whether the check digits fit: with the first four characters put last and letters counted from ten, the remainder
/// by 97 is one.
fn is_iban(iban: &str) -> bool {
    if !(15..=34).contains(&iban.len()) || !iban.chars().all(|letter| letter.is_ascii_alphanumeric()) {
        return false;
    }
    let (country, rest) = iban.split_at(4);
    let remainder = rest.chars().chain(country.chars()).try_fold(0_u32, |sum, letter| {
        let value = letter.to_digit(36)?;
        Some(if value > 9 { (sum * 100 + value) % 97 } else { (sum * 10 + value) % 97 })
    });
    remainder == Some(1)
}

#[cfg(test)]
mod tests {
    use super::{ACH, ACH_ACCOUNTS, SEPA, SEPA_ACCOUNTS, THREE_MINUTES, by_account, by_bank_name, by_iban, is_iban};
    use crate::objects::cards::{Decline, Follows};

    #[test]
    fn every_iban_of_the_table_is_one() {
        assert!(SEPA_ACCOUNTS.iter().all(|account| is_iban(account.number)));
        assert!(ACH_ACCOUNTS.iter().all(|account| account.number.len() == 12));
        for wrong in ["", "DE89370400440532013001", "DE89", "DE89 3704 0044 0532 0130 00", "DÉ89370400440532013000"] {
            assert_eq!(by_iban(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn debits_end_as_documented() {
        let table = [
            ("AT611904300234573201", Some(SEPA), None),
            ("AT321904300235473204", Some(THREE_MINUTES), None),
            ("AT861904300235473202", Some(SEPA), Some(Decline::CouldNotProcess)),
            ("DE78370400440532013004", Some(THREE_MINUTES), Some(Decline::CouldNotProcess)),
            ("IT60X0542811101000000123456", Some(SEPA), Some(Decline::CouldNotProcess)),
            ("IT40S0542811101000000123456", Some(SEPA), None),
        ];
        for (iban, after, fails) in table {
            let debit = by_iban(iban).and_then(|behaviour| behaviour.debit).map(|debit| (debit.after, debit.fails));
            assert_eq!(debit, Some((after, fails)), "{iban}");
        }
        let table = [
            ("000123456789", Some(ACH), None),
            ("000111111113", Some(ACH), Some(Decline::AccountClosed)),
            ("000000000009", None, None),
            ("123", Some(ACH), None),
        ];
        for (number, after, fails) in table {
            let debit = by_account(number).debit.map(|debit| (debit.after, debit.fails));
            assert_eq!(debit, Some((after, fails)), "{number}");
        }
    }

    #[test]
    fn accounts_have_shared_names() {
        let named = |name| by_bank_name(name).map(|(sepa, account)| (sepa, account.number));
        assert_eq!(named("pm_usBankAccount_success"), Some((false, "000123456789")));
        assert_eq!(named("pm_sepaDebit_success_de"), Some((true, "DE89370400440532013000")));
        assert_eq!(named("pm_card_visa"), None);
        let disputed = by_bank_name("pm_usBankAccount_dispute").map(|(_, account)| account.behaviour.follows);
        assert!(matches!(disputed, Some(Follows::Dispute(_))));
    }
}
