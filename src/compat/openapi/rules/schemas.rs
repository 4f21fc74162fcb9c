//! Rules about schemas, in requests and in responses.
use super::super::super::finding::Severity::{self, Critical, Info, Warning};
use super::super::super::finding::{Area, Direction};
use super::{Row, Rule, Scope};
use crate::compat::schema::{Kind, Limit};

const LESS: &str = "a client that kept to the old contract may send what the new version refuses";
const MORE: &str = "a client that knows the old contract may get what it does not expect";
const FREE: &str = "all that was accepted before still is";
const SURE: &str = "all that is sent could have been sent before";
const NOTE: &str = "nothing that is sent or accepted changes by it";

const KEEP_ACCEPTING: &str = "keep accepting what was accepted, or offer the new form beside the old one";
const KEEP_SENDING: &str =
    "keep to what was promised until no client relies on it, or offer the new form beside the old one";
const ASK: &str = "ask the clients first, or look at what they really send";
const READ_FIRST: &str = "let clients learn to read it before the server sends it";
const NONE: &str = "";

const fn row(
    kind: Kind,
    scope: Scope,
    id: &'static str,
    told: (Severity, &'static str, &'static str),
    example: &'static str,
) -> Row {
    let (direction, area) = match scope {
        Scope::Request | Scope::ReadOnlyInRequest => (Direction::Request, Area::Schema),
        Scope::Parameter | Scope::ParameterProperty => (Direction::Request, Area::Parameter),
        Scope::Response | Scope::WriteOnlyInResponse => (Direction::Response, Area::Schema),
    };
    Row {
        kind,
        scope,
        rule: Rule { id, severity: told.0, direction: Some(direction), area, why: told.1, example, advice: told.2 },
    }
}

const C: (Severity, &str, &str) = (Critical, LESS, KEEP_ACCEPTING);
const W: (Severity, &str, &str) = (Warning, LESS, ASK);
const I: (Severity, &str, &str) = (Info, FREE, NONE);
const CR: (Severity, &str, &str) = (Critical, MORE, KEEP_SENDING);
const WR: (Severity, &str, &str) = (Warning, MORE, READ_FIRST);
const IR: (Severity, &str, &str) = (Info, SURE, NONE);
const N: (Severity, &str, &str) = (Info, NOTE, NONE);

macro_rules! rows {
    ($name:ident: $($dir:ident $kind:ident $stem:literal $told:expr, $example:literal;)*) => {
        const $name: &[Row] = &[$(rows!(@ $dir $kind $stem $told, $example)),*];
    };
    (@ req $kind:ident $stem:literal $told:expr, $example:literal) => {
        row(Kind::$kind, Scope::Request, concat!("request-", $stem), $told, $example)
    };
    (@ res $kind:ident $stem:literal $told:expr, $example:literal) => {
        row(Kind::$kind, Scope::Response, concat!("response-", $stem), $told, $example)
    };
    (@ par $kind:ident $stem:literal $told:expr, $example:literal) => {
        row(Kind::$kind, Scope::Parameter, concat!("parameter-", $stem), $told, $example)
    };
    (@ sub $kind:ident $stem:literal $told:expr, $example:literal) => {
        row(Kind::$kind, Scope::ParameterProperty, concat!("parameter-property-", $stem), $told, $example)
    };
    (@ ro $kind:ident $stem:literal $told:expr, $example:literal) => {
        row(Kind::$kind, Scope::ReadOnlyInRequest, concat!("request-read-only-", $stem), $told, $example)
    };
    (@ wo $kind:ident $stem:literal $told:expr, $example:literal) => {
        row(Kind::$kind, Scope::WriteOnlyInResponse, concat!("response-write-only-", $stem), $told, $example)
    };
}

const DEFAULT: &str = "a client that leaves the parameter out gets another answer than before";
const DEFAULT_ADVICE: &str = "keep the default, or offer another parameter";

const RESPELLED: &str = "as text it is the same; generated clients give it another type";

rows! { VALUES:
    req TypeNarrowed "type-narrowed" C, "type: number becomes integer";
    req TypeWidened "type-widened" I, "type: integer becomes number";
    req TypeChanged "type-changed" C, "type: string becomes object";
    res TypeNarrowed "type-narrowed" IR, "type: number becomes integer";
    res TypeWidened "type-widened" CR, "type: integer becomes number";
    res TypeChanged "type-changed" CR, "type: string becomes object";
    req TypeRespelled "type-respelled" (Info, RESPELLED, NONE), "?on: type: string, enum: ['true', 'false'] becomes boolean";
    res TypeRespelled "type-respelled" (Info, RESPELLED, NONE), "in XML: type: string, enum: ['true', 'false'] becomes boolean";
    sub TypeChanged "type-changed" W, "filter[id]: number becomes string";
    req FormatNarrowed "format-narrowed" C, "format: int64 becomes int32, or uuid is set";
    req FormatWidened "format-widened" I, "format: int32 becomes int64, or uuid is removed";
    req FormatChanged "format-changed" C, "format: uuid becomes uri";
    res FormatNarrowed "format-narrowed" IR, "format: int64 becomes int32, or uuid is set";
    res FormatWidened "format-widened" CR, "format: int32 becomes int64, or uuid is removed";
    res FormatChanged "format-changed" CR, "format: uuid becomes uri";
    req FormatNoteAdded "own-format-added" W, "format: sku is set, whose meaning only people know";
    req FormatNoteRemoved "own-format-removed" I, "format: sku is removed";
    req FormatNoteChanged "own-format-changed" W, "format: sku becomes article";
    res FormatNoteAdded "own-format-added" IR, "format: sku is set, whose meaning only people know";
    res FormatNoteRemoved "own-format-removed" WR, "format: sku is removed";
    res FormatNoteChanged "own-format-changed" WR, "format: sku becomes article";
    req NullRemoved "null-removed" C, "type: [string, null] becomes string";
    req NullAdded "null-added" I, "nullable: true is set";
    res NullRemoved "null-removed" IR, "nullable: true is removed";
    res NullAdded "null-added" CR, "type: string becomes [string, null]";
    req EnumValueRemoved "enum-value-removed" C, "enum: [a, b] becomes [a]";
    req EnumValueAdded "enum-value-added" I, "enum: [a] becomes [a, b]";
    req EnumSet "became-enum" C, "enum: [a, b] is set";
    res EnumValueRemoved "enum-value-removed" IR, "enum: [a, b] becomes [a]";
    res EnumValueAdded "enum-value-added" WR, "enum: [a] becomes [a, b]";
    res EnumUnset "enum-removed" WR, "enum: [a, b] is removed";
    req ConstSet "const-set" C, "const: a is set";
    req ConstUnset "const-removed" I, "const: a is removed";
    req ConstChanged "const-changed" C, "const: a becomes b";
    res ConstSet "const-set" IR, "const: a is set";
    res ConstUnset "const-removed" CR, "const: a is removed";
    res ConstChanged "const-changed" CR, "const: a becomes b";
    res ExtensibleUnset "extensible-enum-removed" IR, "x-extensible-enum: [a, b] is removed";
    res ExtensibleValueAdded "extensible-value-added" IR, "x-extensible-enum: [a] becomes [a, b]";
    req ExtensibleValueRemoved "extensible-value-removed" C, "x-extensible-enum: [a, b] becomes [a]";
    req PatternSet "pattern-set" C, "pattern: ^[a-z]+$ is set";
    req PatternUnset "pattern-removed" I, "pattern: ^[a-z]+$ is removed";
    req PatternChanged "pattern-changed" W, "pattern: ^[a-z]+$ becomes ^[a-f]+$";
    req PatternGeneralized "pattern-generalized" I, "pattern: ^[a-z]+$ becomes .*";
    req PatternSpecialized "pattern-specialized" C, "pattern: .* becomes ^[a-z]+$";
    res PatternSet "pattern-set" IR, "pattern: ^[a-z]+$ is set";
    res PatternUnset "pattern-removed" (Info, "clients seldom rely on the form of a text", NONE), "pattern: ^[a-z]+$ is removed";
    res PatternChanged "pattern-changed" (Info, "clients seldom rely on the form of a text", NONE), "pattern: ^[a-z]+$ becomes ^[a-f]+$";
    res PatternGeneralized "pattern-generalized" (Info, "clients seldom rely on the form of a text", NONE), "pattern: ^[a-z]+$ becomes .*";
    res PatternSpecialized "pattern-specialized" IR, "pattern: .* becomes ^[a-z]+$";
    req MultipleSet "multiple-set" C, "multipleOf: 5 is set";
    req MultipleTightened "multiple-tightened" C, "multipleOf: 5 becomes 10";
    req MultipleChanged "multiple-changed" C, "multipleOf: 5 becomes 7";
    res MultipleUnset "multiple-removed" CR, "multipleOf: 5 is removed";
    res MultipleLoosened "multiple-loosened" CR, "multipleOf: 10 becomes 5";
    res MultipleChanged "multiple-changed" CR, "multipleOf: 5 becomes 7";
    req UniqueSet "unique-items-set" C, "uniqueItems: true is set";
    res UniqueUnset "unique-items-removed" CR, "uniqueItems: true is removed";
    req ContentEncodingChanged "content-encoding-changed" C, "contentEncoding: base64 becomes base32";
    res ContentEncodingChanged "content-encoding-changed" CR, "contentEncoding: base64 becomes base32";
    req ContentMediaTypeChanged "content-media-type-changed" C, "contentMediaType: image/png becomes image/webp";
    res ContentMediaTypeChanged "content-media-type-changed" CR, "contentMediaType: image/png becomes image/webp";
    req ContentSchemaAdded "content-schema-added" C, "contentSchema is set";
    req ContentSchemaRemoved "content-schema-removed" I, "contentSchema is removed";
    res ContentSchemaAdded "content-schema-added" IR, "contentSchema is set";
    res ContentSchemaRemoved "content-schema-removed" CR, "contentSchema is removed";
    req DefaultAdded "default-added" N, "default: 10 is set in a body";
    req DefaultChanged "default-changed" N, "default: 10 becomes 20 in a body";
    req DefaultRemoved "default-removed" N, "default: 10 is removed in a body";
    res DefaultAdded "default-added" N, "default: 10 is set";
    res DefaultChanged "default-changed" N, "default: 10 becomes 20";
    res DefaultRemoved "default-removed" N, "default: 10 is removed";
    par DefaultAdded "default-added" (Critical, DEFAULT, DEFAULT_ADVICE), "?limit: default: 10 is set";
    par DefaultChanged "default-changed" (Critical, DEFAULT, DEFAULT_ADVICE), "?limit: default: 10 becomes 20";
    par DefaultRemoved "default-removed" (Critical, DEFAULT, DEFAULT_ADVICE), "?limit: default: 10 is removed";
}

const GONE: &str = "a client that reads it finds nothing";
const NOW_SENT: &str = "a client that kept to the old contract does not send it, and is refused";
const IGNORED: &str = "what a client sends in it is ignored, or refused";
const CLOSED_GONE: &str = "a client that still sends it is refused, because nothing undeclared is accepted";
const UNDECLARED: &str = "the schema demands a property it does not describe: a client cannot know, and one that does not send it is refused";
const REST: &str = "only what the contract does not declare is concerned, which a client has no reason to send";
const OPEN_SENT: &str = "a client that sent something undeclared is refused";

rows! { OBJECTS:
    req RequiredPropertyAdded "required-property-added" C, "properties and required get `email`";
    req OptionalPropertyAdded "optional-property-added" I, "properties get `email`";
    req RequiredPropertyRemoved "property-removed" (Warning, IGNORED, ASK), "properties lose `email`";
    req OptionalPropertyRemoved "property-removed" (Warning, IGNORED, ASK), "properties lose `email`";
    req PropertyForbidden "property-forbidden" (Critical, CLOSED_GONE, KEEP_ACCEPTING), "properties lose `email` beside additionalProperties: false";
    res RequiredPropertyAdded "required-property-added" (Info, "clients pass over what they do not know", NONE), "properties and required get `email`";
    res OptionalPropertyAdded "optional-property-added" (Info, "clients pass over what they do not know", NONE), "properties get `email`";
    res RequiredPropertyRemoved "required-property-removed" (Critical, GONE, KEEP_SENDING), "properties and required lose `email`";
    res OptionalPropertyRemoved "optional-property-removed" (Warning, GONE, KEEP_SENDING), "properties lose `email`";
    res PropertyAllowed "property-allowed" (Warning, "the contract said that nothing else comes, and a client that holds answers against it refuses them", "ask the clients whether they refuse what they do not know"), "properties get `email` beside additionalProperties: false";
    wo RequiredPropertyAdded "property-added" N, "properties get `password`, writeOnly";
    wo OptionalPropertyAdded "property-added" N, "properties get `password`, writeOnly";
    wo RequiredPropertyRemoved "property-removed" N, "properties lose `password`, writeOnly";
    wo OptionalPropertyRemoved "property-removed" N, "properties lose `password`, writeOnly";
    req PropertyBecameRequired "property-became-required" C, "required gets `email`";
    req PropertyBecameOptional "property-became-optional" I, "required loses `email`";
    res PropertyBecameRequired "property-became-required" IR, "required gets `email`";
    res PropertyBecameOptional "property-became-optional" CR, "required loses `email`";
    wo PropertyBecameRequired "property-became-required" N, "required gets `password`, writeOnly";
    wo PropertyBecameOptional "property-became-optional" N, "required loses `password`, writeOnly";
    wo EnumValueAdded "enum-value-added" N, "enum of a writeOnly property gets b";
    wo EnumValueRemoved "enum-value-removed" N, "enum of a writeOnly property loses b";
    ro EnumValueRemoved "enum-value-removed" N, "enum of a readOnly property loses b";
    req DroppedRequired "dropped-property-required" (Warning, UNDECLARED, "declare the property, or demand it no longer: one of the two is a slip"), "properties lose `email`, and required gets it";
    res DeclaredNotRequired "declared-not-required" (Warning, GONE, KEEP_SENDING), "properties get `email`, and required loses it";
    req UndeclaredRequired "undeclared-required" (Critical, UNDECLARED, "declare the property, and leave it optional"), "required gets `email`, which properties lack";
    req RequiredForbidden "required-forbidden" (Critical, "nothing that anybody could send is accepted", "declare the property, or leave it optional"), "required gets `email`, which properties lack beside additionalProperties: false";
    res RequiredAllowed "undeclared-not-required" (Warning, GONE, KEEP_SENDING), "required loses `email`, which properties lack";
    res UndeclaredNotRequired "undeclared-not-required" (Warning, GONE, KEEP_SENDING), "required loses `email`, which properties lack";
    req Closed "closed" (Critical, OPEN_SENT, KEEP_ACCEPTING), "additionalProperties: false is set";
    req Opened "opened" I, "additionalProperties: false is removed";
    res Opened "opened" (Info, "clients pass over what they do not know", NONE), "additionalProperties: false is removed";
    res Closed "closed" IR, "additionalProperties: false is set";
    req UnevaluatedClosed "unevaluated-set" (Critical, OPEN_SENT, KEEP_ACCEPTING), "unevaluatedProperties: false is set";
    req UnevaluatedOpened "unevaluated-removed" I, "unevaluatedProperties: false is removed";
    res UnevaluatedClosed "unevaluated-set" IR, "unevaluatedProperties: false is set";
    res UnevaluatedOpened "unevaluated-removed" CR, "unevaluatedProperties: false is removed";
    req AdditionalSet "additional-schema-set" (Warning, REST, ASK), "additionalProperties: {type: string} is set";
    req AdditionalUnset "additional-schema-removed" I, "additionalProperties: {type: string} is removed";
    res AdditionalSet "additional-schema-set" IR, "additionalProperties: {type: string} is set";
    res AdditionalUnset "additional-schema-removed" (Warning, "clients that read what is not declared may find other values", READ_FIRST), "additionalProperties: {type: string} is removed";
    req PatternPropertyAdded "pattern-property-added" (Warning, REST, ASK), "patternProperties get ^x-";
    req PatternPropertyRemoved "pattern-property-removed" I, "patternProperties lose ^x-";
    res PatternPropertyAdded "pattern-property-added" IR, "patternProperties get ^x-";
    res PatternPropertyRemoved "pattern-property-removed" (Warning, "clients that read such properties may find other values", READ_FIRST), "patternProperties lose ^x-";
    req ContainsAdded "contains-added" C, "contains is set";
    req ContainsRemoved "contains-removed" I, "contains is removed";
    res ContainsAdded "contains-added" IR, "contains is set";
    res ContainsRemoved "contains-removed" CR, "contains is removed";
    req PropertyNamesAdded "property-names-added" C, "propertyNames: {pattern: ^[a-z]} is set";
    req PropertyNamesRemoved "property-names-removed" I, "propertyNames is removed";
    res PropertyNamesAdded "property-names-added" IR, "propertyNames: {pattern: ^[a-z]} is set";
    res PropertyNamesRemoved "property-names-removed" CR, "propertyNames is removed";
    req DependentRequiredAdded "dependent-required-added" C, "dependentRequired: {card: [name]} is set";
    req DependentRequiredRemoved "dependent-required-removed" I, "dependentRequired: {card: [name]} is removed";
    res DependentRequiredAdded "dependent-required-added" IR, "dependentRequired: {card: [name]} is set";
    res DependentRequiredRemoved "dependent-required-removed" CR, "dependentRequired: {card: [name]} is removed";
    req BecameReadOnly "property-became-read-only" N, "readOnly: true is set";
    req RequiredBecameReadOnly "property-became-read-only" N, "readOnly: true is set";
    req RequiredNotReadOnly "required-property-not-read-only" (Warning, NOW_SENT, "leave it optional in requests"), "readOnly: true is removed from a required property";
    res RequiredBecameReadOnly "property-became-read-only" N, "readOnly: true is set";
    res RequiredNotReadOnly "property-not-read-only" N, "readOnly: true is removed";
    req NotReadOnly "property-not-read-only" N, "readOnly: true is removed";
    req BecameWriteOnly "property-became-write-only" N, "writeOnly: true is set";
    req NotWriteOnly "property-not-write-only" N, "writeOnly: true is removed";
    req RequiredBecameWriteOnly "property-became-write-only" N, "writeOnly: true is set";
    req RequiredNotWriteOnly "property-not-write-only" N, "writeOnly: true is removed";
    res BecameReadOnly "property-became-read-only" N, "readOnly: true is set";
    res NotReadOnly "property-not-read-only" N, "readOnly: true is removed";
    res BecameWriteOnly "property-became-write-only" N, "writeOnly: true is set";
    res NotWriteOnly "property-not-write-only" N, "writeOnly: true is removed";
    res RequiredBecameWriteOnly "required-property-became-write-only" (Warning, GONE, KEEP_SENDING), "writeOnly: true is set on a required property";
    res RequiredNotWriteOnly "required-property-not-write-only" (Warning, "what was never sent is promised now", "send it before it is promised"), "writeOnly: true is removed from a required property";
}

const BRANCH_GONE: &str = "a client that sends this alternative is refused";
const OVERLAP: &str = "a value that fits two alternatives is refused, and it fitted one before";
const KIND_MOVED: &str = "the other side looks for the kind of value in another property, and does not find it";
const VALUE_NEW: &str = "a client that knows the other value cannot tell what it gets";
const BRANCH_NEW: &str = "a client that knows only the other alternatives gets this one";
// Of a new bound, too, only what callers send tells whether it refuses anything of theirs.
const UNMET: &str = "a client that counts on it may get what does not meet the condition";
const LOOSE: &str = "the if holds for a value without the property as well, which is seldom meant, and then refuses it";
const CONDITION: &str = "values that fitted before may not meet the condition";

rows! { STRUCTURE:
    req ConditionAdded "condition-added" (Critical, CONDITION, KEEP_ACCEPTING), "if, then or dependentSchemas demand more";
    req ConditionRemoved "condition-removed" I, "dependentSchemas lose a demand";
    req ConditionChanged "condition-changed" (Warning, CONDITION, KEEP_ACCEPTING), "if is changed";
    res ConditionAdded "condition-added" IR, "if, then or dependentSchemas promise more";
    res ConditionRemoved "condition-removed" (Critical, UNMET, KEEP_SENDING), "dependentSchemas lose a promise";
    res ConditionChanged "condition-changed" WR, "if is changed";
    req LooseConditionAdded "loose-condition-added" (Warning, LOOSE, "say `required` in the `if` as well, or ask the clients first"), "if speaks of a property that only then requires";
    req LooseConditionRemoved "loose-condition-removed" I, "if that speaks of a property that only then requires is removed";
    res LooseConditionAdded "loose-condition-added" IR, "if speaks of a property that only then requires";
    res LooseConditionRemoved "loose-condition-removed" WR, "if that speaks of a property that only then requires is removed";
    req ChoiceAdded "alternatives-added" (Warning, CONDITION, KEEP_ACCEPTING), "oneOf is set beside another anyOf";
    req ChoiceRemoved "alternatives-removed" I, "oneOf beside another anyOf is removed";
    res ChoiceAdded "alternatives-added" IR, "oneOf is set beside another anyOf";
    res ChoiceRemoved "alternatives-removed" WR, "oneOf beside another anyOf is removed";
    req NotAdded "not-added" C, "not: {enum: [a]} is set";
    req NotRemoved "not-removed" I, "not: {enum: [a]} is removed";
    res NotAdded "not-added" IR, "not: {enum: [a]} is set";
    res NotRemoved "not-removed" CR, "not: {enum: [a]} is removed";
    req OneOfRemoved "one-of-removed" (Critical, BRANCH_GONE, KEEP_ACCEPTING), "oneOf loses Cat";
    req OneOfAdded "one-of-added" I, "oneOf gets Cat";
    res OneOfRemoved "one-of-removed" IR, "oneOf loses Cat";
    res OneOfAdded "one-of-added" (Critical, BRANCH_NEW, KEEP_SENDING), "oneOf gets Cat";
    req AnyOfRemoved "any-of-removed" (Critical, BRANCH_GONE, KEEP_ACCEPTING), "anyOf loses Cat";
    req AnyOfAdded "any-of-added" I, "anyOf gets Cat";
    res AnyOfRemoved "any-of-removed" IR, "anyOf loses Cat";
    res AnyOfAdded "any-of-added" (Critical, BRANCH_NEW, KEEP_SENDING), "anyOf gets Cat, which fits none of the others";
    req CoveredAnyOfRemoved "named-any-of-removed" (Critical, "generated clients send it by its name, although another alternative fits", KEEP_ACCEPTING), "anyOf loses Cat, which fits Pet";
    req CoveredAnyOfAdded "any-of-covered-added" N, "anyOf gets Cat, which fits Pet";
    res CoveredAnyOfRemoved "any-of-covered-removed" N, "anyOf loses Cat, which fits Pet";
    res CoveredAnyOfAdded "any-of-covered-added" N, "anyOf gets Cat, which fits Pet";
    req OverlappingRemoved "any-of-covered-removed" N, "anyOf loses what another alternative lets through";
    req OverlappingAdded "any-of-covered-added" N, "anyOf gets what another alternative lets through";
    res OverlappingRemoved "any-of-covered-removed" N, "anyOf loses what another alternative lets through";
    res OverlappingAdded "any-of-covered-added" N, "anyOf gets what another alternative lets through";
    req ExactlyOneSet "any-of-became-one-of" W, "anyOf becomes oneOf";
    req ExactlyOneUnset "one-of-became-any-of" I, "oneOf becomes anyOf";
    res ExactlyOneSet "any-of-became-one-of" IR, "anyOf becomes oneOf";
    res ExactlyOneUnset "one-of-became-any-of" WR, "oneOf becomes anyOf";
    req OverlapSet "one-of-overlap-added" (Critical, OVERLAP, "make the alternatives exclude each other, or use anyOf"), "oneOf: [{type: number}] gets {type: integer, minimum: 1}";
    req OverlapUnset "one-of-overlap-removed" I, "oneOf loses {type: integer, minimum: 1} beside {type: number}";
    res OverlapSet "one-of-overlap-added" IR, "oneOf: [{type: number}] gets {type: integer, minimum: 1}";
    res OverlapUnset "one-of-overlap-removed" WR, "oneOf loses {type: integer, minimum: 1} beside {type: number}";
    req SubtypeRemoved "subtype-removed" (Critical, BRANCH_GONE, KEEP_ACCEPTING), "Dog, which has Pet in its allOf, is removed";
    req SubtypeAdded "subtype-added" I, "Dog, which has Pet in its allOf, is new";
    res SubtypeRemoved "subtype-removed" IR, "Dog, which has Pet in its allOf, is removed";
    res SubtypeAdded "subtype-added" (Warning, BRANCH_NEW, READ_FIRST), "Dog, which has Pet in its allOf, is new";
    req DiscriminatorAdded "discriminator-added" N, "discriminator is set";
    req DiscriminatorRemoved "discriminator-removed" N, "discriminator is removed";
    req DiscriminatorPropertyChanged "discriminator-changed" (Critical, KIND_MOVED, KEEP_ACCEPTING), "propertyName: type becomes kind";
    req MappingLost "mapping-lost" (Critical, BRANCH_GONE, KEEP_ACCEPTING), "mapping loses cat, and no schema is named so";
    req MappingGained "mapping-added" N, "mapping gets cat";
    res MappingLost "mapping-removed" N, "mapping loses cat";
    res MappingGained "mapping-added" N, "mapping gets cat";
    req MappingAdded "mapping-added" N, "mapping gets cat";
    req MappingRemoved "mapping-removed" N, "mapping loses cat";
    req MappingChanged "mapping-changed" N, "mapping of cat becomes Tiger";
    res DiscriminatorAdded "discriminator-added" N, "discriminator is set";
    res DiscriminatorRemoved "discriminator-removed" N, "discriminator is removed";
    res DiscriminatorPropertyChanged "discriminator-changed" (Critical, KIND_MOVED, KEEP_SENDING), "propertyName: type becomes kind";
    res MappingAdded "mapping-added" N, "mapping gets cat";
    res MappingRemoved "mapping-removed" N, "mapping loses cat";
    res ValueRenamed "mapping-renamed" (Warning, VALUE_NEW, KEEP_SENDING), "mapping: cat, which leads to Cat, becomes kitten";
    res SecondValueAdded "mapping-second" (Warning, VALUE_NEW, READ_FIRST), "mapping gets kitten, which leads to Cat as cat does";
    res MappingChanged "mapping-changed" N, "mapping of cat becomes Tiger";
}

const PROMISE: &str = "what was said of its end cannot be relied on";
const PROMISE_ADVICE: &str = "give a date, far enough ahead, and keep to it";

rows! { LIFECYCLE:
    req Deprecated "property-deprecated" N, "deprecated: true is set";
    req Reactivated "property-reactivated" N, "deprecated: true is removed";
    req SunsetMissing "property-sunset-missing" (Critical, PROMISE, PROMISE_ADVICE), "deprecated without x-sunset, where days are agreed on";
    req SunsetInvalid "property-sunset-invalid" (Critical, PROMISE, PROMISE_ADVICE), "x-sunset: soon";
    req SunsetTooSoon "property-sunset-too-soon" (Critical, PROMISE, PROMISE_ADVICE), "x-sunset: yesterday";
    req SunsetRemoved "property-sunset-removed" (Critical, PROMISE, PROMISE_ADVICE), "x-sunset is removed";
    req StabilityLowered "property-stability-lowered" (Critical, PROMISE, "keep the level"), "x-stability-level: stable becomes beta";
    req StabilityRaised "property-stability-raised" N, "x-stability-level: beta becomes stable";
    req StabilityInvalid "property-stability-invalid" (Critical, PROMISE, "write draft, alpha, beta or stable"), "x-stability-level: ready";
    res Deprecated "property-deprecated" N, "deprecated: true is set";
    res Reactivated "property-reactivated" N, "deprecated: true is removed";
    res SunsetMissing "property-sunset-missing" (Critical, PROMISE, PROMISE_ADVICE), "deprecated without x-sunset, where days are agreed on";
    res SunsetInvalid "property-sunset-invalid" (Critical, PROMISE, PROMISE_ADVICE), "x-sunset: soon";
    res SunsetTooSoon "property-sunset-too-soon" (Critical, PROMISE, PROMISE_ADVICE), "x-sunset: yesterday";
    res SunsetRemoved "property-sunset-removed" (Critical, PROMISE, PROMISE_ADVICE), "x-sunset is removed";
    res StabilityLowered "property-stability-lowered" (Critical, PROMISE, "keep the level"), "x-stability-level: stable becomes beta";
    res StabilityRaised "property-stability-raised" N, "x-stability-level: beta becomes stable";
    res StabilityInvalid "property-stability-invalid" (Critical, PROMISE, "write draft, alpha, beta or stable"), "x-stability-level: ready";
}

macro_rules! limits {
    ($($limit:ident $stem:literal $set:expr, $lower:literal, $higher:literal;)*) => {
        const LIMITS: &[Row] = &[$(
            row(Kind::Tightened(Limit::$limit), Scope::Request, concat!("request-", $stem, "-tightened"), C, $lower),
            row(Kind::LimitSet(Limit::$limit), Scope::Request, concat!("request-", $stem, "-set"), $set, $lower),
            row(Kind::Loosened(Limit::$limit), Scope::Response, concat!("response-", $stem, "-loosened"), CR, $higher),
            row(Kind::LimitUnset(Limit::$limit), Scope::Response, concat!("response-", $stem, "-removed"), CR, $higher),
            row(Kind::Tightened(Limit::$limit), Scope::ReadOnlyInRequest, concat!("request-read-only-", $stem, "-tightened"), N, $lower),
        )*];
    };
}

limits! {
    Minimum "minimum" W, "minimum: 1 becomes 5", "minimum: 5 becomes 1";
    Maximum "maximum" W, "maximum: 100 becomes 50", "maximum: 50 becomes 100";
    MinLength "min-length" C, "minLength: 1 becomes 5", "minLength: 5 becomes 1";
    MaxLength "max-length" W, "maxLength: 100 becomes 50", "maxLength: 50 becomes 100";
    MinItems "min-items" W, "minItems: 1 becomes 5", "minItems: 5 becomes 1";
    MaxItems "max-items" W, "maxItems: 100 becomes 50", "maxItems: 50 becomes 100";
    MinProperties "min-properties" W, "minProperties: 1 becomes 5", "minProperties: 5 becomes 1";
    MaxProperties "max-properties" W, "maxProperties: 100 becomes 50", "maxProperties: 50 becomes 100";
    MinContains "min-contains" C, "minContains: 1 becomes 2", "minContains: 2 becomes 1";
    MaxContains "max-contains" W, "maxContains: 5 becomes 3", "maxContains: 3 becomes 5";
}

/// Where a bound that leaves more, or a promise that is kept more closely, is worth a word.
const COUNTS: &[Row] = &[
    row(Kind::Loosened(Limit::Minimum), Scope::Request, "request-minimum-loosened", I, "minimum: 5 becomes 1"),
    row(Kind::Loosened(Limit::Maximum), Scope::Request, "request-maximum-loosened", I, "maximum: 50 becomes 100"),
    row(Kind::Loosened(Limit::MinLength), Scope::Request, "request-min-length-loosened", I, "minLength: 5 becomes 1"),
    row(
        Kind::Loosened(Limit::MaxLength),
        Scope::Request,
        "request-max-length-loosened",
        I,
        "maxLength: 50 becomes 100",
    ),
    row(
        Kind::Loosened(Limit::MinItems),
        Scope::Parameter,
        "parameter-min-items-loosened",
        I,
        "?ids: minItems: 5 becomes 1",
    ),
    row(
        Kind::Loosened(Limit::MaxItems),
        Scope::Parameter,
        "parameter-max-items-loosened",
        I,
        "?ids: maxItems: 5 becomes 9",
    ),
    row(
        Kind::Loosened(Limit::MinContains),
        Scope::Request,
        "request-min-contains-loosened",
        I,
        "minContains: 2 becomes 1",
    ),
    row(
        Kind::Loosened(Limit::MaxContains),
        Scope::Request,
        "request-max-contains-loosened",
        I,
        "maxContains: 3 becomes 5",
    ),
    row(
        Kind::Tightened(Limit::MinContains),
        Scope::Response,
        "response-min-contains-tightened",
        IR,
        "minContains: 1 becomes 2",
    ),
    row(
        Kind::Tightened(Limit::MaxContains),
        Scope::Response,
        "response-max-contains-tightened",
        IR,
        "maxContains: 5 becomes 3",
    ),
];

pub const ROWS: &[&[Row]] = &[VALUES, OBJECTS, STRUCTURE, LIFECYCLE, LIMITS, COUNTS];
