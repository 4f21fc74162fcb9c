//! Standard output, whose reader may have seen enough.
use std::cell::Cell;
use std::io::{ErrorKind, Result, Write};

use serde::{Serialize, Serializer};

/// Rows of a JSON document that are made as they are written, once: 100,000 of them never stand in memory side by side.
pub struct Rows<I>(Cell<Option<I>>);

impl<I: Iterator> Rows<I> {
    pub fn new(rows: I) -> Rows<I> {
        Rows(Cell::new(Some(rows)))
    }
}

impl<I: Iterator<Item: Serialize>> Serialize for Rows<I> {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        to.collect_seq(self.0.take().into_iter().flatten())
    }
}

/// Writes a document with line breaks and indents.
///
/// # Errors
/// The output's own.
pub fn pretty(out: &mut dyn Write, document: &impl Serialize) -> Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}

/// Writes on; once the reader has gone, as `head` does, what is left goes nowhere. That is no fault, and no reason to
/// forget what the command found: its exit code stands. Any other failure, such as a full disk, is one.
///
/// A broken pipe is known by where it happened: a socket to the cluster may break as well, and that is a fault.
pub struct Out<W> {
    inner: W,
    left: bool,
}

impl<W: Write> Out<W> {
    pub fn new(inner: W) -> Out<W> {
        Out { inner, left: false }
    }

    fn unless_left<T>(&mut self, gone: T, work: impl FnOnce(&mut W) -> Result<T>) -> Result<T> {
        if self.left {
            return Ok(gone);
        }
        match work(&mut self.inner) {
            Err(e) if e.kind() == ErrorKind::BrokenPipe => {
                self.left = true;
                Ok(gone)
            }
            done => done,
        }
    }
}

impl<W: Write> Write for Out<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.unless_left(bytes.len(), |inner| inner.write(bytes))
    }

    fn flush(&mut self) -> Result<()> {
        self.unless_left((), Write::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fails(ErrorKind);

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn only_a_reader_that_left_is_no_fault() {
        let mut left = Out::new(Fails(ErrorKind::BrokenPipe));
        assert!(writeln!(left, "a").and_then(|()| left.flush()).is_ok());
        let mut full = Out::new(Fails(ErrorKind::StorageFull));
        assert_eq!(writeln!(full, "a").unwrap_err().kind(), ErrorKind::StorageFull);
    }
}
