//! kubectl asks "who am I" and "may I" in protobuf only. This reads those two questions out of Kubernetes'
//! envelope: `k8s\0`, then `runtime.Unknown{1: typeMeta{1: apiVersion, 2: kind}, 2: raw}`.

use serde_json::{Map, Value, json};

/// The fields of a message: `(number, bytes)` of every length-delimited one. `None` when it is no message.
fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        match tag & 7 {
            0 => {
                varint(&mut bytes)?;
            }
            1 => bytes = bytes.get(8..)?,
            2 => {
                let n = usize::try_from(varint(&mut bytes)?).ok()?;
                out.push((tag >> 3, bytes.get(..n)?));
                bytes = &bytes[n..];
            }
            5 => bytes = bytes.get(4..)?,
            _ => return None,
        }
    }
    Some(out)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn field(message: &[u8], number: u64) -> Option<&[u8]> {
    fields(message)?.into_iter().find(|f| f.0 == number).map(|f| f.1)
}

/// A SelfSubjectReview, SelfSubjectAccessReview or SelfSubjectRulesReview as JSON; `None` for anything else.
pub fn review(body: &[u8]) -> Option<Value> {
    let unknown = body.strip_prefix(b"k8s\0")?;
    let kind = std::str::from_utf8(field(field(unknown, 1)?, 2)?).ok()?;
    let raw = field(unknown, 2).unwrap_or_default();
    match kind {
        "SelfSubjectReview" => Some(json!({})),
        "SelfSubjectRulesReview" => {
            let ns = field(raw, 2).and_then(|spec| field(spec, 1)).unwrap_or_default();
            Some(json!({"spec": {"namespace": String::from_utf8_lossy(ns)}}))
        }
        "SelfSubjectAccessReview" => {
            let names = ["namespace", "verb", "group", "version", "resource", "subresource", "name"];
            let mut attributes = Map::new();
            for (number, value) in fields(field(field(raw, 2)?, 1)?)? {
                if let Some(name) = usize::try_from(number).ok().and_then(|n| names.get(n.checked_sub(1)?)) {
                    attributes.insert((*name).into(), json!(String::from_utf8_lossy(value)));
                }
            }
            Some(json!({"spec": {"resourceAttributes": attributes}}))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrap(number: u8, inner: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, inner.len() as u8];
        out.extend(inner);
        out
    }

    #[test]
    fn may_i_is_read_and_nonsense_is_not() {
        let mut attributes = wrap(1, b"shop");
        attributes.extend(wrap(2, b"patch"));
        attributes.extend(wrap(5, b"deployments"));
        let raw = wrap(2, &wrap(1, &attributes));
        let mut body = b"k8s\0".to_vec();
        body.extend(wrap(1, &wrap(2, b"SelfSubjectAccessReview")));
        body.extend(wrap(2, &raw));
        let got = review(&body).expect("reads");
        assert_eq!(
            got["spec"]["resourceAttributes"],
            json!({"namespace": "shop", "verb": "patch", "resource": "deployments"})
        );
        assert_eq!(review(b"k8s\0\xff\xff\xff"), None);
        assert_eq!(review(b"{}"), None);
    }
}
