//! Manifests that are followed while their files change.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::fs;
use std::path::PathBuf;

use switchyard_model::ClusterEvent;
use switchyard_source::FollowedManifests;

fn service(name: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: shop}}, \
         spec: {{clusterIP: 10.0.0.1, ports: [{{port: 80}}]}}}}\n"
    )
}

/// A directory of its own for one test.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }

    fn follow(&self) -> FollowedManifests {
        FollowedManifests::new(self.0.to_str().unwrap())
    }
}

/// The Services that are read, and what is refused.
fn read(followed: &mut FollowedManifests) -> (Vec<String>, Vec<String>) {
    let manifests = followed.read().unwrap();
    let refused = manifests.refused().iter().map(|refusal| refusal.reason.clone()).collect();
    let names = manifests.into_events().into_iter().filter_map(|event| match event {
        ClusterEvent::Service(service) => Some(service.key.name.to_string()),
        _ => None,
    });
    (names.collect(), refused)
}

#[test]
fn a_file_that_is_half_written_counts_as_what_it_said_before() {
    let folder = Folder::new("half-written");
    folder.write("a.yaml", &service("a"));
    folder.write("b.yaml", &format!("{}---\n{}", service("b"), service("c")));
    let mut followed = folder.follow();
    assert_eq!(read(&mut followed), (vec!["a".into(), "b".into(), "c".into()], vec![]));
    folder.write("b.yaml", &format!("{}---\n{{apiVersion: v1, kind: Ser", service("d")));
    let (names, refused) = read(&mut followed);
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(refused.len(), 1);
    assert!(refused[0].ends_with("what it said before is kept"), "{refused:?}");
    folder.write("b.yaml", &service("d"));
    assert_eq!(read(&mut followed), (vec!["a".into(), "d".into()], vec![]));
}

#[test]
fn a_file_that_was_never_whole_gives_what_can_be_read() {
    let folder = Folder::new("never-whole");
    folder.write("a.yaml", &format!("{}---\n{{apiVersion: v1, kind: Ser", service("a")));
    let mut followed = folder.follow();
    for _ in 0..2 {
        let (names, refused) = read(&mut followed);
        assert_eq!(names, ["a"]);
        assert_eq!(refused.len(), 1);
        assert!(!refused[0].contains("kept"), "{refused:?}");
    }
}

#[test]
fn a_file_that_is_gone_says_nothing() {
    let folder = Folder::new("gone");
    folder.write("a.yaml", &service("a"));
    folder.write("b.yaml", &service("b"));
    let mut followed = folder.follow();
    assert_eq!(read(&mut followed).0, ["a", "b"]);
    fs::remove_file(folder.0.join("a.yaml")).unwrap();
    assert_eq!(read(&mut followed), (vec!["b".into()], vec![]));
}

#[test]
fn a_directory_that_is_gone_is_an_error() {
    let folder = Folder::new("no-directory");
    folder.write("a.yaml", &service("a"));
    let mut followed = folder.follow();
    assert_eq!(read(&mut followed).0, ["a"]);
    fs::remove_dir_all(&folder.0).unwrap();
    assert!(followed.read().is_err());
    fs::create_dir_all(&folder.0).unwrap();
    folder.write("a.yaml", &service("b"));
    assert_eq!(read(&mut followed).0, ["b"]);
}

#[test]
fn files_are_read_again_only_when_they_changed_and_rest() {
    let folder = Folder::new("rest");
    folder.write("a.yaml", &service("a"));
    let mut followed = folder.follow();
    read(&mut followed);
    assert!(followed.look().is_none(), "nothing changed");
    folder.write("a.yaml", &service("longer"));
    assert!(followed.look().is_none(), "it changed since the last look");
    assert!(followed.look().is_some_and(|read| read.is_ok()));
    assert!(followed.look().is_none(), "it was read");
}
