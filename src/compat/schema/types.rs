//! Sets of JSON types, in which an integer is a number.

/// A set of JSON types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Types(u8);

impl Types {
    pub const NONE: Types = Types(0);
    pub const NULL: Types = Types(1);
    pub const BOOL: Types = Types(2);
    pub const INTEGER: Types = Types(4);
    /// Numbers that are no integers.
    pub const FRACTION: Types = Types(8);
    pub const NUMBER: Types = Types(4 | 8);
    pub const STRING: Types = Types(16);
    pub const ARRAY: Types = Types(32);
    pub const OBJECT: Types = Types(64);
    /// A word that is no type of JSON, such as `int` or `file`.
    pub const STRANGE: Types = Types(128);
    pub const ANY: Types = Types(127);

    pub fn named(word: &str) -> Types {
        match word {
            "null" => Types::NULL,
            "boolean" => Types::BOOL,
            "integer" => Types::INTEGER,
            "number" => Types::NUMBER,
            "string" => Types::STRING,
            "array" => Types::ARRAY,
            "object" => Types::OBJECT,
            _ => Types::STRANGE,
        }
    }

    pub(super) fn bits(self) -> u8 {
        self.0 & Types::ANY.0
    }

    /// What [`bits`](Self::bits) gave; what stands above is passed over.
    pub(super) fn of_bits(bits: u32) -> Types {
        Types(u8::try_from(bits & u32::from(Types::ANY.0)).unwrap_or(0))
    }

    /// Each type by itself; numbers are one, and words that are no type are left out.
    pub fn each(self) -> impl Iterator<Item = Types> {
        let all = [Types::NULL, Types::BOOL, Types::NUMBER, Types::STRING, Types::ARRAY, Types::OBJECT];
        all.into_iter().map(move |t| self.both(t)).filter(|t| !t.is_empty())
    }

    /// Types of the values that exactly one of the sets has.
    pub fn exactly_one(all: &[Types]) -> Types {
        let (mut once, mut more) = (Types::NONE, Types::NONE);
        for one in all {
            more = more.and(once.both(*one));
            once = once.and(*one);
        }
        once.without(more)
    }

    pub fn and(self, other: Types) -> Types {
        Types(self.0 | other.0)
    }

    pub fn both(self, other: Types) -> Types {
        Types(self.0 & other.0)
    }

    pub fn without(self, other: Types) -> Types {
        Types(self.0 & !other.0)
    }

    pub fn has(self, other: Types) -> bool {
        self.0 & other.0 != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Every type of JSON, but for null perhaps, of which there is a word of its own.
    pub fn is_any(self) -> bool {
        self.and(Types::NULL).both(Types::ANY) == Types::ANY
    }

    /// `integer or string`.
    pub fn text(self) -> String {
        if self.is_any() {
            return "any type".into();
        }
        let named = [
            (Types::BOOL, "boolean"),
            (Types::STRING, "string"),
            (Types::ARRAY, "array"),
            (Types::OBJECT, "object"),
            (Types::STRANGE, "a type JSON does not have"),
            (Types::NULL, "null"),
        ];
        let mut words: Vec<&str> = named.iter().filter(|(t, _)| self.has(*t)).map(|(_, w)| *w).collect();
        if self.has(Types::FRACTION) && !self.has(Types::INTEGER) {
            words.insert(0, "number that is no integer");
        } else if self.has(Types::FRACTION) {
            words.insert(0, "number");
        } else if self.has(Types::INTEGER) {
            words.insert(0, "integer");
        }
        if words.is_empty() { "no type".into() } else { words.join(" or ") }
    }
}

/// What is known of a format beyond its name.
const KNOWN: &[&str] = &[
    "int32",
    "int64",
    "bigint",
    "float",
    "double",
    "byte",
    "binary",
    "date",
    "date-time",
    "time",
    "duration",
    "email",
    "idn-email",
    "hostname",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "uri",
    "uri-reference",
    "iri",
    "iri-reference",
    "uuid",
    "json-pointer",
    "regex",
    "decimal",
];

pub fn is_known_format(format: &str) -> bool {
    KNOWN.contains(&format)
}

/// The types that a format speaks of; none where it may be any.
pub fn types_of_format(format: &str) -> Types {
    match format {
        "int32" | "int64" | "float" | "double" => Types::NUMBER,
        "bigint" | "decimal" => Types::NONE,
        other if is_known_format(other) => Types::STRING,
        _ => Types::NONE,
    }
}

/// Every value of format `inner` is one of format `outer`.
pub fn format_contains(outer: &str, inner: &str) -> bool {
    let wider: &[(&str, &[&str])] = &[
        ("int64", &["int32"]),
        ("bigint", &["int32", "int64"]),
        ("double", &["float", "int32"]),
        ("idn-email", &["email"]),
        ("idn-hostname", &["hostname"]),
        ("uri-reference", &["uri"]),
        ("iri", &["uri"]),
        ("iri-reference", &["uri", "uri-reference", "iri"]),
    ];
    outer == inner || wider.iter().any(|(o, inners)| *o == outer && inners.contains(&inner))
}
