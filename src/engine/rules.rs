//! Tenants and segments that are sent to the next version by rules of their own, while everybody else goes where the
//! weights send them.
use serde::{Deserialize, Deserializer, Serialize};

pub use crate::plan::rules::{MatchBy, MatchRule};

/// A rule that was written, and how it stands in a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchRuleSeen {
    pub rule: MatchRule,
    /// Journals of before it could be told what became of a rule say `intact`, and whether it was.
    #[serde(alias = "intact", deserialize_with = "stands")]
    pub stands: Stands,
}

impl MatchRuleSeen {
    pub fn is_intact(&self) -> bool {
        self.stands == Stands::Intact
    }
}

/// What became of a rule that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stands {
    /// Before every weighted rule of the service, exactly as it was written.
    Intact,
    /// Somebody made something else of it, or moved it.
    Edited,
    /// Somebody took it out of the route.
    Gone,
}

fn stands<'de, D: Deserializer<'de>>(from: D) -> Result<Stands, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Said {
        Stands(Stands),
        Intact(bool),
    }
    Ok(match Said::deserialize(from)? {
        Said::Stands(stands) => stands,
        Said::Intact(true) => Stands::Intact,
        Said::Intact(false) => Stands::Edited,
    })
}

/// What a write makes of a route's rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Exactly these stand afterwards; none takes them all away.
    pub rules: Vec<MatchRule>,
    /// Names of those that must stand there now, or the write is refused.
    pub expect: Vec<String>,
    /// Rules and values are only taken away, nobody is added.
    #[serde(default)]
    pub lowers: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_journal_says_whether_a_rule_was_intact() {
        let rule = r#""rule":{"name":"beta","by":{"header":"x-tenant"},"values":["acme"]}"#;
        let read = |rest: &str| serde_json::from_str::<MatchRuleSeen>(&format!("{{{rule},{rest}}}")).unwrap();
        assert_eq!(read(r#""intact":true"#).stands, Stands::Intact);
        assert_eq!(read(r#""intact":false"#).stands, Stands::Edited);
        let gone = MatchRuleSeen { stands: Stands::Gone, ..read(r#""intact":true"#) };
        assert_eq!(serde_json::from_str::<MatchRuleSeen>(&serde_json::to_string(&gone).unwrap()).unwrap(), gone);
    }
}
