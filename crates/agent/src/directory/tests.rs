use super::*;

/// A directory of its own for one test.
fn fresh(test: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("switchyard-{}-{test}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    path
}

#[test]
fn one_process_has_the_lock() {
    let path = fresh("lock");
    let directory = StateDirectory::open(&path.join("deep/er")).unwrap();
    let lock = directory.lock().unwrap();
    let held = directory.lock().unwrap_err();
    assert!(matches!(held, LockError::Held(Some(id)) if id == std::process::id()), "{held}");
    assert!(held.to_string().contains("stop it first"));
    drop(lock);
    drop(directory.lock().unwrap());
    // A lock without the file that names its holder.
    let lock = directory.lock().unwrap();
    fs::remove_file(path.join("deep/er/node.pid")).unwrap();
    assert!(matches!(directory.lock(), Err(LockError::Held(None))));
    drop(lock);
    fs::remove_dir_all(&path).unwrap();
}

#[test]
fn the_ledger_outlives_its_process() {
    let path = fresh("ledger");
    let directory = StateDirectory::open(&path).unwrap();
    assert!(directory.read_ledger().unwrap().is_empty());
    let line = |key: u8| {
        format!("{{\"kind\":\"endpoint\",\"key\":\"k{key}\",\"make\":{{\"digest\":\"d\"}}}}\n")
    };
    let mut ledger = directory.ledger();
    ledger.append(&line(1)).unwrap();
    ledger.append(&line(2)).unwrap();
    directory.ledger().append(&line(3)).unwrap();
    assert_eq!(fs::read_to_string(path.join("ledger.jsonl")).unwrap().lines().count(), 3);
    assert!(!directory.read_ledger().unwrap().is_empty());
    ledger.remove().unwrap();
    ledger.remove().unwrap();
    assert!(directory.read_ledger().unwrap().is_empty());
    ledger.append(&line(4)).unwrap();
    assert!(!directory.read_ledger().unwrap().is_empty());
    // Windows removes no folder with a file that is open.
    drop(ledger);
    fs::remove_dir_all(&path).unwrap();
}

#[test]
fn a_ledger_that_cannot_be_written_says_so() {
    let path = fresh("unwritable");
    let directory = StateDirectory::open(&path).unwrap();
    fs::create_dir(path.join("ledger.jsonl")).unwrap();
    assert!(directory.ledger().append("line\n").is_err());
    assert!(directory.read_ledger().is_err(), "what cannot be read is not taken for empty");
    fs::remove_dir_all(&path).unwrap();
}

#[test]
fn a_ledger_is_replaced_as_a_whole() {
    let path = fresh("replaced");
    let directory = StateDirectory::open(&path).unwrap();
    let mut ledger = directory.ledger();
    let text = || fs::read_to_string(path.join("ledger.jsonl")).unwrap();
    ledger.append("a\nb\n").unwrap();
    ledger.replace("c\n").unwrap();
    assert_eq!(text(), "c\n");
    ledger.append("d\n").unwrap();
    assert_eq!(text(), "c\nd\n");
    assert!(!path.join("ledger.new").exists());
    drop(ledger);
    fs::remove_dir_all(&path).unwrap();
}
