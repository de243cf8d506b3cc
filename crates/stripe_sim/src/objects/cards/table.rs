//! The table of test cards. Source of every row: <https://docs.stripe.com/testing>, unless it says otherwise.

use super::{Behaviour, Card, Challenge, Checks, Claim, Decline, Follows, RefundEnd, Risk};

const PLAIN: Behaviour = Behaviour::PLAIN;

/// A card that only looks as it does.
const fn plain(
    number: &'static str,
    names: &'static [&'static str],
    brand: &'static str,
    funding: &'static str,
    country: &'static str,
) -> Card {
    Card { number, names, brand, funding, country, behaviour: PLAIN }
}

/// A credit card of Visa from the United States that behaves in some way.
const fn visa(number: &'static str, names: &'static [&'static str], behaviour: Behaviour) -> Card {
    Card { number, names, brand: "visa", funding: "credit", country: "US", behaviour }
}

/// Declined wherever it is used. That such a card cannot even be attached was recorded by others.
const fn declined(decline: Decline) -> Behaviour {
    Behaviour { attaching: Some(decline), charging: Some(decline), ..PLAIN }
}

/// Declined when charged.
const fn uncollectible(challenge: Challenge, decline: Decline) -> Behaviour {
    Behaviour { challenge, charging: Some(decline), ..PLAIN }
}

const fn challenged(challenge: Challenge) -> Behaviour {
    Behaviour { challenge, ..PLAIN }
}

const fn followed(follows: Follows) -> Behaviour {
    Behaviour { follows, ..PLAIN }
}

const fn checked(checks: Checks) -> Behaviour {
    Behaviour { checks, ..PLAIN }
}

const fn risky(risk: Risk) -> Behaviour {
    Behaviour { risk, ..PLAIN }
}

const fn refunded(refund: RefundEnd) -> Behaviour {
    Behaviour { refund, ..PLAIN }
}

/// All test cards.
pub(crate) const CARDS: &[Card] = &[
    // Cards that work.
    plain("4242424242424242", &["visa"], "visa", "credit", "US"),
    plain("4000056655665556", &["visa_debit"], "visa", "debit", "US"),
    plain("5555555555554444", &["mastercard"], "mastercard", "credit", "US"),
    plain("2223003122003222", &[], "mastercard", "credit", "US"),
    plain("5200828282828210", &["mastercard_debit"], "mastercard", "debit", "US"),
    plain("5105105105105100", &["mastercard_prepaid"], "mastercard", "prepaid", "US"),
    // The token gives the card that ends in 8431: recorded by others.
    plain("378282246310005", &["amex_threeDSecureNotSupported"], "amex", "credit", "US"),
    plain("371449635398431", &["amex"], "amex", "credit", "US"),
    plain("6011111111111117", &["discover"], "discover", "credit", "US"),
    plain("6011000990139424", &[], "discover", "credit", "US"),
    plain("6011981111111113", &[], "discover", "debit", "US"),
    plain("3056930009020004", &["diners"], "diners", "credit", "US"),
    plain("36227206271667", &[], "diners", "credit", "US"),
    plain("3566002020360505", &["jcb"], "jcb", "credit", "JP"),
    plain("6200000000000005", &["unionpay"], "unionpay", "credit", "CN"),
    plain("6200000000000047", &[], "unionpay", "debit", "CN"),
    plain("6205500000000000004", &[], "unionpay", "credit", "CN"),
    // The brand of this one is our guess.
    plain("6555900000604105", &[], "discover", "credit", "KR"),
    plain("4000002500001001", &["visa_cartesBancaires"], "visa", "credit", "FR"),
    plain("5555552500001001", &["mastercard_cartesBancaires"], "mastercard", "credit", "FR"),
    plain("4000050360000001", &[], "visa", "credit", "AU"),
    plain("5555050360000080", &[], "mastercard", "credit", "AU"),
    plain("4000000760000002", &["br"], "visa", "credit", "BR"),
    plain("4000001240000000", &["ca"], "visa", "credit", "CA"),
    plain("4000004840008001", &["mx"], "visa", "credit", "MX"),
    plain("4000000320000021", &["ar"], "visa", "credit", "AR"),
    // Money that is available at once; the sandbox makes no difference.
    visa("4000000000000077", &["bypassPending"], PLAIN),
    visa("4000003720000278", &["bypassPendingInternational"], PLAIN),
    // Declines.
    visa("4000000000000002", &["visa_chargeDeclined", "chargeDeclined"], declined(Decline::Generic)),
    visa(
        "4000000000009995",
        &["visa_chargeDeclinedInsufficientFunds", "chargeDeclinedInsufficientFunds"],
        declined(Decline::InsufficientFunds),
    ),
    visa("4000000000009987", &["visa_chargeDeclinedLostCard", "chargeDeclinedLostCard"], declined(Decline::LostCard)),
    visa(
        "4000000000009979",
        &["visa_chargeDeclinedStolenCard", "chargeDeclinedStolenCard"],
        declined(Decline::StolenCard),
    ),
    visa("4000000000000069", &["chargeDeclinedExpiredCard"], declined(Decline::ExpiredCard)),
    visa("4000000000000127", &["chargeDeclinedIncorrectCvc"], declined(Decline::IncorrectCvc)),
    visa("4000000000000119", &["chargeDeclinedProcessingError"], declined(Decline::ProcessingError)),
    visa(
        "4000000000006975",
        &["visa_chargeDeclinedVelocityLimitExceeded", "chargeDeclinedVelocityLimitExceeded"],
        declined(Decline::VelocityExceeded),
    ),
    visa("4000000000000341", &["chargeCustomerFail"], uncollectible(Challenge::Never, Decline::Generic)),
    // Risk and checks. The token of a fraudulent decline has no number on that page; it gets the blocked one.
    visa(
        "4100000000000019",
        &["radarBlock", "visa_chargeDeclinedFraudulent"],
        Behaviour { risk: Risk::Highest, ..uncollectible(Challenge::Never, Decline::Blocked) },
    ),
    visa("4000000000004954", &["riskLevelHighest"], risky(Risk::Highest)),
    visa("4000000000009235", &["riskLevelElevated"], risky(Risk::Elevated)),
    visa("4000000000000101", &["cvcCheckFail"], checked(Checks::CvcFails)),
    visa("4000000000000036", &["avsZipFail"], checked(Checks::PostalCodeFails)),
    visa("4000000000000028", &["avsLine1Fail"], checked(Checks::Line1Fails)),
    visa("4000000000000010", &["avsFail"], checked(Checks::AddressFails)),
    visa("4000000000000044", &["avsUnchecked"], checked(Checks::Unavailable)),
    visa(
        "4000058400307872",
        &["cvcCheckFailElevatedRisk"],
        Behaviour { risk: Risk::Elevated, ..checked(Checks::CvcFails) },
    ),
    visa(
        "4000058400306072",
        &["avsZipFailElevatedRisk"],
        Behaviour { risk: Risk::Elevated, ..checked(Checks::PostalCodeFails) },
    ),
    // Disputes.
    visa("4000000000000259", &["createDispute"], followed(Follows::Dispute(Claim::Fraudulent))),
    visa("4000000000002685", &["createDisputeProductNotReceived"], followed(Follows::Dispute(Claim::NotReceived))),
    visa("4000000000001976", &["createDisputeInquiry"], followed(Follows::Dispute(Claim::Inquiry))),
    visa("4000000000005423", &["createIssuerFraudRecord"], followed(Follows::FraudWarning)),
    visa("4000000404000079", &["createMultipleDisputes"], followed(Follows::TwoDisputes)),
    visa("4000000404000038", &["createCe3EligibleDispute"], followed(Follows::Dispute(Claim::CompellingEvidence))),
    visa("4000008400000779", &["createComplianceDispute"], followed(Follows::Dispute(Claim::Compliance))),
    // Refunds.
    visa("4000000000007726", &["pendingRefund"], refunded(RefundEnd::Later)),
    visa("4000000000005126", &["refundFail"], refunded(RefundEnd::Fails)),
    // 3-D Secure.
    visa("4000002500003155", &["authenticationRequiredOnSetup"], challenged(Challenge::UnlessSetUp)),
    visa("4000002760003184", &["authenticationRequired"], challenged(Challenge::Always)),
    visa("4000003800000446", &["authenticationRequiredSetupForOffSession"], challenged(Challenge::OnSession)),
    visa(
        "4000008260003178",
        &["authenticationRequiredChargeDeclinedInsufficientFunds"],
        uncollectible(Challenge::UnlessSetUp, Decline::InsufficientFunds),
    ),
    visa("4000000000003220", &["threeDSecure2Required"], challenged(Challenge::Always)),
    visa("4000000000003063", &["threeDSecureRequired"], challenged(Challenge::Always)),
    visa(
        "4000008400001629",
        &["threeDSecureRequiredChargeDeclined"],
        uncollectible(Challenge::Always, Decline::Generic),
    ),
    // The look-up of the card fails, so that there is no challenge, only the decline.
    visa(
        "4000008400001280",
        &["threeDSecureRequiredProcessingError"],
        uncollectible(Challenge::Never, Decline::Generic),
    ),
    visa("4000000000003055", &["threeDSecureOptional"], challenged(Challenge::Asked)),
    visa("4000000000003097", &["threeDSecureOptionalProcessingError"], PLAIN),
];
