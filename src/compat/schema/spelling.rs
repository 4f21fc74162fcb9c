//! Formats of OpenAPI 3.0 that 3.1 writes with keywords of JSON Schema.
use super::engine::Work;
use super::shape::Shape;
use crate::compat::document::Library;

/// What a text carries: how it is coded, and what is in it.
#[derive(PartialEq, Eq)]
struct Carried<'l> {
    format: Option<&'l str>,
    encoding: Option<&'l str>,
    media: Option<&'l str>,
}

impl<'l> Carried<'l> {
    /// In the words of 3.1.
    fn read(library: &'l Library, shape: &Shape<'_>) -> Carried<'l> {
        let text = |node: Option<u32>| node.and_then(|n| library.text(n));
        let format = text(shape.formats.first().copied()).filter(|_| shape.formats.len() == 1);
        let (encoding, media) = (text(shape.encoding), text(shape.media));
        match (format, encoding, media) {
            (Some("byte"), None, _) => Carried { format: None, encoding: Some("base64"), media },
            (Some("binary"), None, None) => Carried { format: None, encoding, media: Some("application/octet-stream") },
            _ => Carried { format, encoding, media },
        }
    }
}

/// Both sides say the same of it, in the words of one version or the other.
pub(super) fn same(work: &Work<'_, '_>) -> bool {
    if work.old.formats.len() > 1 || work.new.formats.len() > 1 {
        return false;
    }
    Carried::read(work.old_lib(), &work.old) == Carried::read(work.new_lib(), &work.new)
}
