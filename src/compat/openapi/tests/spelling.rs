//! What two versions of the language write in two ways, and where references lead.
use super::*;

#[test]
fn formats_that_became_keywords() {
    let both_ways = |old: &str, new: &str| (both(old, new), both(new, old));
    let nothing = ((vec![], vec![]), (vec![], vec![]));
    let (byte, base) = ("{type: string, format: byte}", "{type: string, contentEncoding: base64}");
    assert_eq!(both_ways(byte, base), nothing);
    let (binary, media) =
        ("{type: string, format: binary}", "{type: string, contentMediaType: application/octet-stream}");
    assert_eq!(both_ways(binary, media), nothing);
    let other = "{type: string, contentEncoding: base32}";
    assert_eq!(both(byte, other).0, ["request-content-encoding-changed", "request-format-widened"]);
    assert_eq!(both("{type: string}", byte).0, ["request-format-narrowed"]);
    // Every number of 32 bits is one of double precision.
    let wider = both("{type: integer, format: int32}", "{type: number, format: double}");
    assert_eq!(wider.0, ["request-format-widened", "request-type-widened"]);
    assert_eq!(wider.1, ["response-format-widened", "response-type-widened"]);
}

#[test]
fn a_level_that_was_none_before_is_noted() {
    let bad =
        |level: &str| around_schemas("3.1.0", &format!("S: {{properties: {{a: {{x-stability-level: {level}}}}}}}"));
    let report = compare(&bad("ready"), &bad("ready"));
    assert_eq!((report.findings.len(), report.not_compared.len()), (0, 1), "{report:?}");
    let (request, _) = of_directions(&compare(&bad("ready"), &bad("set")));
    assert_eq!(request, ["request-property-stability-invalid"]);
}

#[test]
fn a_schema_with_a_name_of_its_own_is_where_its_references_begin() {
    let of = |kind: &str, reference: &str| {
        around_schemas(
            "3.1.0",
            &format!(
                "S: {{$id: 'https://x/s', properties: {{n: {{$ref: '{reference}'}}}}, $defs: {{n: {{type: {kind}}}}}}}"
            ),
        )
    };
    for reference in ["#/$defs/n", "https://x/s#/$defs/n", "#/components/schemas/S/$defs/n"] {
        let report = compare(&of("string", reference), &of("integer", reference));
        assert_eq!(of_directions(&report).0, ["request-type-changed"], "{reference}");
    }
    let web = attempt(&of("string", "#/$defs/n"), &of("string", "https://y/n.json")).unwrap_err();
    assert!(web.to_string().contains("references to web addresses are not followed"), "{web}");
}
