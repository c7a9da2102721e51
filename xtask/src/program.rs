//! Other programs: what they are asked, and how they end.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A command as a person would type it.
pub(crate) fn words(command: &Command) -> String {
    let name = |word: &std::ffi::OsStr| {
        let word = word.to_string_lossy();
        word.rsplit_once('/').map_or_else(|| word.to_string(), |(_, last)| last.to_owned())
    };
    let arguments = command.get_args().map(|word| word.to_string_lossy().into_owned());
    let mut words = vec![name(command.get_program())];
    words.extend(arguments);
    words.join(" ")
}

/// Says what is run, and runs it. What it prints is shown.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", words(command));
    let status = command.status().with_context(|| format!("start {}", words(command)))?;
    ended_well(status, &words(command))
}

/// As [`run`], but of its standard error only the lines that are `wanted` are shown.
pub(crate) fn run_saying(command: &mut Command, wanted: fn(&str) -> bool) -> Result<()> {
    let said = words(command);
    println!("$ {said}");
    let mut child =
        command.stderr(Stdio::piped()).spawn().with_context(|| format!("start {said}"))?;
    let pipe = child.stderr.take().context("no pipe to read from")?;
    for line in BufReader::new(pipe).split(b'\n') {
        let line = line.context("read what it prints")?;
        let line = String::from_utf8_lossy(&line);
        if wanted(&line) {
            eprintln!("{line}");
        }
    }
    let status = child.wait().with_context(|| format!("wait for {said}"))?;
    ended_well(status, &said)
}

/// An error that names what was `said` unless it succeeded.
fn ended_well(status: ExitStatus, said: &str) -> Result<()> {
    if !status.success() {
        bail!("{said}: {status}");
    }
    Ok(())
}

/// What it prints on its standard output; the rest is shown.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("start {}", words(command)))?;
    ended_well(output.status, &words(command))?;
    Ok(output.stdout)
}

/// What it prints on its standard output, which must be over within `limit`; the rest is shown.
pub(crate) fn output_within(command: &mut Command, limit: Duration) -> Result<Vec<u8>> {
    println!("$ {}", words(command));
    let said = words(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {said}"))?;
    let printed = read_within(&mut child, limit);
    if printed.is_err() {
        child.kill().with_context(|| format!("end {said}"))?;
    }
    let status = child.wait().with_context(|| format!("wait for {said}"))?;
    let printed = printed.with_context(|| said.clone())?;
    ended_well(status, &said)?;
    Ok(printed)
}

fn read_within(child: &mut Child, limit: Duration) -> Result<Vec<u8>> {
    let mut pipe = child.stdout.take().context("no pipe to read from")?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.read_to_end(&mut bytes).map(|_| bytes);
        // Nobody listens any more once the time is over.
        let _ = sender.send(read);
    });
    match receiver.recv_timeout(limit) {
        Ok(read) => read.context("read what it prints"),
        Err(_) => bail!("still running after {} seconds", limit.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_read_within_its_time_or_ended() {
        let soon = output_within(Command::new("echo").arg("text"), Duration::from_secs(10));
        assert_eq!(soon.unwrap(), b"text\n");
        let late = output_within(Command::new("sleep").arg("10"), Duration::from_millis(50));
        assert!(late.is_err());
        let failed = output_within(&mut Command::new("false"), Duration::from_secs(10));
        assert!(failed.unwrap_err().to_string().starts_with("false: exit status: 1"));
    }
}
