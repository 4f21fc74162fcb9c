//! Which files a description or a contract may refer to. What stands in a file that cannot be read is shown in messages, so
//! that whoever writes a reference must not reach what is none of theirs.
use std::fs;
use std::path::{Path, PathBuf};

/// Where the files of one description lie.
#[derive(Debug)]
pub struct Bounds {
    /// The folder of the description itself, behind links: a folder of a service may stand elsewhere.
    own: Option<PathBuf>,
    /// The folder of contracts, if it belongs to one.
    root: Option<PathBuf>,
}

impl Bounds {
    /// For a file in the folder `own`.
    pub fn new(own: &Path, root: Option<&Path>) -> Bounds {
        // Nothing written stands for where we are.
        let whole =
            |path: &Path| fs::canonicalize(if path.as_os_str().is_empty() { Path::new(".") } else { path }).ok();
        Bounds { own: whole(own), root: root.and_then(whole) }
    }

    /// Without a folder of contracts, descriptions share files beside their folders, as in a repository of code: those are
    /// known by how their names end. What is not there is allowed; reading it fails.
    ///
    /// # Errors
    /// Why the file must not be read.
    pub fn allow(&self, path: &Path, ends: &[&str]) -> Result<(), String> {
        let Ok(real) = fs::canonicalize(path) else { return Ok(()) };
        let below = |folder: &Option<PathBuf>| folder.as_ref().is_some_and(|f| real.starts_with(f));
        if below(&self.own) || below(&self.root) {
            return Ok(());
        }
        if let Some(root) = &self.root {
            return Err(format!("it leads out of {}, the folder of contracts", root.display()));
        }
        let end = real.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
        if ends.contains(&end.as_str()) {
            return Ok(());
        }
        let ends: Vec<String> = ends.iter().map(|e| format!(".{e}")).collect();
        Err(format!("it leads out of the folder it is written in, and there only {} are read", ends.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that goes when the test ends.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Place {
            let path = std::env::temp_dir().join(format!("pilothouse-bounds-{name}-{}", std::process::id()));
            drop(fs::remove_dir_all(&path));
            fs::create_dir_all(&path).unwrap();
            Place(path)
        }

        fn path(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn references_stay_among_contracts() {
        let place = Place::new("stay");
        let file = |name: &str| {
            let path = place.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "a: 1\n").unwrap();
            path
        };
        let (inside, beside) = (file("contracts/a/1/parts/b"), file("contracts/common.yaml"));
        let (outside, secret) = (file("other/c.yaml"), file("other/passwd"));
        let own = place.path().join("contracts/a/1");
        let link = own.join("link.yaml");
        std::os::unix::fs::symlink(&secret, &link).unwrap();
        let ends = ["yaml", "yml", "json"];
        let root = place.path().join("contracts");
        let among = Bounds::new(&own, Some(&root));
        let alone = Bounds::new(&own, None);
        for (path, with_root, without) in [
            (&inside, true, true),
            (&beside, true, true),
            (&outside, false, true),
            (&secret, false, false),
            (&link, false, false),
            (&own.join("../../../other/passwd"), false, false),
            (&own.join("nowhere"), true, true),
        ] {
            assert_eq!(among.allow(path, &ends).is_ok(), with_root, "{}", path.display());
            assert_eq!(alone.allow(path, &ends).is_ok(), without, "{}", path.display());
        }
        assert!(among.allow(&secret, &ends).unwrap_err().contains("the folder of contracts"));
    }

    #[test]
    fn one_that_leads_out_is_told_with_its_place_and_not_quoted() {
        let place = Place::new("told");
        let root = place.path().join("contracts");
        fs::create_dir_all(root.join("a/1")).unwrap();
        let secret = place.path().join("passwd");
        fs::write(&secret, "root:x:0:0\n- [").unwrap();
        let description = root.join("a/1/openapi.yaml");
        fs::write(&description, "openapi: 3.0.3\npaths:\n  /a: {$ref: '../../../passwd'}\n").unwrap();
        for root in [None, Some(root.as_path())] {
            let problem = super::super::sources(&description, root).unwrap_err();
            assert!(problem.message.contains("is not followed") && problem.line == 3, "{problem:?}");
            assert!(!format!("{problem:?}").contains("root:x"), "{problem:?}");
        }
        fs::write(root.join("common.yaml"), "get: {}\n").unwrap();
        fs::write(&description, "openapi: 3.0.3\npaths:\n  /a: {$ref: '../../common.yaml'}\n").unwrap();
        assert_eq!(super::super::sources(&description, Some(&root)).unwrap().len(), 2);
    }
}
