//! What happened to a schema, in a sentence.
use super::engine::Change;
use super::kind::{Kind, Limit};

/// `maximum` lowered from 10 to 5.
pub fn sentence(change: &Change) -> String {
    let (subject, from, to) = (&change.subject, &change.from, &change.to);
    let named = |what: &str| if subject.is_empty() { what.to_string() } else { format!("{what} `{subject}`") };
    match change.kind {
        Kind::TypeNarrowed => format!("type narrowed from {from} to {to}"),
        Kind::TypeWidened => format!("type widened from {from} to {to}"),
        Kind::TypeChanged | Kind::TypeRespelled => format!("type changed from {from} to {to}"),
        Kind::NullRemoved => "null is not allowed any more".into(),
        Kind::NullAdded => "null is allowed now".into(),
        Kind::EnumValueRemoved => format!("values removed from the enumeration: {to}"),
        Kind::EnumValueAdded => format!("values added to the enumeration: {to}"),
        Kind::EnumSet => format!("only these values are allowed now: {to}"),
        Kind::EnumUnset => format!("not limited any more to {from}"),
        Kind::ConstSet => format!("only {to} is allowed now"),
        Kind::ConstUnset => format!("not limited any more to {from}"),
        Kind::ExtensibleValueRemoved => format!("values removed from `x-extensible-enum`: {to}"),
        Kind::ExtensibleSet => "`x-extensible-enum` is set".to_string(),
        Kind::ExtensibleUnset => "`x-extensible-enum` is removed, and any value may come".to_string(),
        Kind::ExtensibleValueAdded => format!("values added to `x-extensible-enum`: {to}"),
        Kind::RequiredPropertyAdded => format!("required property `{subject}` added"),
        Kind::RequiredPropertyRemoved => format!("required property `{subject}` removed"),
        Kind::OptionalPropertyAdded => format!("optional property `{subject}` added"),
        Kind::OptionalPropertyRemoved => format!("optional property `{subject}` removed"),
        Kind::PropertyBecameRequired => format!("property `{subject}` became required"),
        Kind::PropertyBecameOptional => format!("property `{subject}` became optional"),
        Kind::PropertyForbidden => {
            format!("property `{subject}` removed from an object that allows nothing undeclared")
        }
        Kind::PropertyAllowed => format!("property `{subject}` added to an object that allowed nothing undeclared"),
        Kind::UndeclaredRequired => format!("`{subject}` became required, although it is not declared"),
        Kind::UndeclaredNotRequired => format!("`{subject}`, which is not declared, is not required any more"),
        Kind::Closed => "properties or items that are not declared are not allowed any more".into(),
        Kind::Opened => "properties or items that are not declared are allowed now".into(),
        Kind::UnevaluatedClosed => format!("`{subject}: false` added"),
        Kind::UnevaluatedOpened => format!("`{subject}: false` removed"),
        Kind::AdditionalSet => "a schema holds now for what is not declared".into(),
        Kind::AdditionalUnset => "no schema holds any more for what is not declared".into(),
        Kind::PatternPropertyAdded => format!("a schema holds now for properties named like `{subject}`"),
        Kind::PatternPropertyRemoved => format!("no schema holds any more for properties named like `{subject}`"),
        Kind::DependentRequiredAdded => format!("`{subject}` now requires {to}"),
        Kind::DependentRequiredRemoved => format!("`{subject}` does not require {to} any more"),
        Kind::ConditionAdded | Kind::LooseConditionAdded | Kind::ConditionAddedHarmlessly => named("condition added:"),
        Kind::ConditionRemoved | Kind::LooseConditionRemoved | Kind::ConditionRemovedHarmlessly => {
            named("condition removed:")
        }
        Kind::ConditionChanged => named("condition changed:"),
        Kind::ChoiceAdded => format!("`{subject}` added: one of its alternatives must fit now"),
        Kind::ChoiceRemoved => format!("`{subject}` removed: none of its alternatives must fit any more"),
        Kind::BecameReadOnly | Kind::RequiredBecameReadOnly => format!("property `{subject}` became read-only"),
        Kind::NotReadOnly | Kind::RequiredNotReadOnly => format!("property `{subject}` is not read-only any more"),
        Kind::BecameWriteOnly | Kind::RequiredBecameWriteOnly => format!("property `{subject}` became write-only"),
        Kind::NotWriteOnly | Kind::RequiredNotWriteOnly => format!("property `{subject}` is not write-only any more"),
        Kind::Tightened(limit) => format!("`{}` {} from {from} to {to}", limit.keyword(), moved(limit, true)),
        Kind::Loosened(limit) => format!("`{}` {} from {from} to {to}", limit.keyword(), moved(limit, false)),
        Kind::LimitSet(limit) => format!("`{}` set to {to}", limit.keyword()),
        Kind::LimitUnset(limit) => format!("`{}` removed; it was {from}", limit.keyword()),
        _ => alternatives(change).or_else(|| impossible(change)).unwrap_or_else(|| plain(change.kind, from, to)),
    }
}

/// What is required although it cannot be there, or lost its declaration.
fn impossible(change: &Change) -> Option<String> {
    let subject = &change.subject;
    Some(match change.kind {
        Kind::RequiredForbidden => {
            format!(
                "`{subject}` became required, although the object allows nothing undeclared: no value fits any more"
            )
        }
        Kind::DroppedRequired => format!("`{subject}` became required, although it is no longer declared"),
        Kind::DeclaredNotRequired => format!("`{subject}`, which was required without being declared, is optional"),
        Kind::RequiredAllowed => {
            format!("`{subject}`, which the object does not allow, is not required any more: no value fitted")
        }
        _ => return None,
    })
}

/// Alternatives, heirs and what tells them apart.
fn alternatives(change: &Change) -> Option<String> {
    let (subject, from, to) = (&change.subject, &change.from, &change.to);
    let named = |what: &str| if subject.is_empty() { what.to_string() } else { format!("{what} `{subject}`") };
    Some(match change.kind {
        Kind::OneOfRemoved | Kind::AnyOfRemoved | Kind::CoveredAnyOfRemoved | Kind::OverlappingRemoved => {
            format!("{} removed", named("alternative"))
        }
        Kind::OneOfAdded | Kind::AnyOfAdded | Kind::CoveredAnyOfAdded | Kind::OverlappingAdded => {
            format!("{} added", named("alternative"))
        }
        Kind::OverlapSet => {
            "alternative added whose values fit another as well, where exactly one has to fit: they are refused".into()
        }
        Kind::OverlapUnset => {
            "alternative removed whose values fit another as well, where exactly one has to fit: they are let through"
                .into()
        }
        Kind::SubtypeRemoved => format!("`{subject}`, which inherits from this schema, removed"),
        Kind::SubtypeAdded => format!("`{subject}`, which inherits from this schema, added"),
        Kind::MappingAdded | Kind::MappingGained => format!("discriminator value `{subject}` added"),
        Kind::MappingRemoved | Kind::MappingLost => format!("discriminator value `{subject}` removed"),
        Kind::ValueRenamed => format!("discriminator value for `{subject}` changed from {from} to {to}"),
        Kind::SecondValueAdded => format!("another discriminator value for `{subject}` added: {to}"),
        Kind::SecondValueRemoved => format!("one of several discriminator values for `{subject}` removed: {from}"),
        Kind::MappingChanged => format!("discriminator value `{subject}` changed from {from} to {to}"),
        _ => return None,
    })
}

fn moved(limit: Limit, tighter: bool) -> &'static str {
    if limit.is_lower() == tighter { "raised" } else { "lowered" }
}

/// Keywords that come, go or change, one like the other.
fn plain(kind: Kind, from: &str, to: &str) -> String {
    let (word, what) = match kind {
        Kind::FormatNarrowed | Kind::FormatWidened | Kind::FormatChanged => ("format", ""),
        Kind::FormatNoteAdded | Kind::FormatNoteRemoved | Kind::FormatNoteChanged => ("format", ""),
        Kind::PatternSet | Kind::PatternUnset | Kind::PatternChanged => ("pattern", ""),
        Kind::PatternSpecialized | Kind::PatternGeneralized => ("pattern", ""),
        Kind::MultipleSet | Kind::MultipleUnset | Kind::MultipleTightened => ("multipleOf", ""),
        Kind::MultipleLoosened | Kind::MultipleChanged => ("multipleOf", ""),
        Kind::UniqueSet => ("uniqueItems", "set"),
        Kind::UniqueUnset => ("uniqueItems", "removed"),
        Kind::ContainsAdded => ("contains", "added"),
        Kind::ContainsRemoved => ("contains", "removed"),
        Kind::PropertyNamesAdded => ("propertyNames", "added"),
        Kind::PropertyNamesRemoved => ("propertyNames", "removed"),
        Kind::NotAdded => ("not", "added"),
        Kind::NotRemoved => ("not", "removed"),
        Kind::ContentSchemaAdded => ("contentSchema", "added"),
        Kind::ContentSchemaRemoved => ("contentSchema", "removed"),
        Kind::ContentEncodingChanged => ("contentEncoding", ""),
        Kind::ContentMediaTypeChanged => ("contentMediaType", ""),
        Kind::ExactlyOneSet => return "exactly one alternative must fit now, where any number did".into(),
        Kind::ExactlyOneUnset => return "any number of alternatives may fit now, where exactly one had to".into(),
        Kind::DiscriminatorAdded => ("discriminator", "added"),
        Kind::DiscriminatorRemoved => ("discriminator", "removed"),
        Kind::DiscriminatorPropertyChanged => ("discriminator", ""),
        Kind::DefaultAdded | Kind::DefaultRemoved | Kind::DefaultChanged => ("default", ""),
        Kind::Deprecated => return "deprecated".into(),
        Kind::Reactivated => return "not deprecated any more".into(),
        Kind::StabilityInvalid => ("x-stability-level", "is none of draft, alpha, beta, stable"),
        Kind::StabilityLowered | Kind::StabilityRaised => ("x-stability-level", ""),
        Kind::SunsetInvalid => ("x-sunset", "is no date"),
        Kind::SunsetMissing => ("x-sunset", "is missing"),
        Kind::SunsetTooSoon => ("x-sunset", "is too soon"),
        Kind::SunsetRemoved => ("x-sunset", "removed"),
        _ => ("schema", "changed"),
    };
    match (what, from.is_empty(), to.is_empty()) {
        ("", true, _) => format!("`{word}` added: {to}"),
        ("", _, true) => format!("`{word}` removed; it was {from}"),
        ("", ..) => format!("`{word}` changed from {from} to {to}"),
        (what, ..) => format!("`{word}` {what}"),
    }
}
