//! The JSON patch, RFC 6902.

use serde_json::Value;

use crate::failure::Failure;

/// The most operations that the API server takes in one patch.
const MOST: usize = 10_000;

pub(super) fn apply(object: &Value, operations: &Value) -> Result<Value, Failure> {
    let operations = operations
        .as_array()
        .ok_or_else(|| Failure::bad_request("a JSON patch is a list of operations"))?;
    if operations.len() > MOST {
        let message = format!("The allowed maximum operations in a JSON patch is {MOST}");
        return Err(Failure::new(413, "RequestEntityTooLarge", message));
    }
    let mut object = object.clone();
    for operation in operations {
        step(&mut object, operation).map_err(|why| refused(&why))?;
    }
    Ok(object)
}

fn refused(why: &str) -> Failure {
    Failure::new(
        422,
        "Invalid",
        format!("the server rejected our request due to an error in our request: {why}"),
    )
}

fn step(object: &mut Value, operation: &Value) -> Result<(), String> {
    let path = operation["path"].as_str().ok_or("an operation has no path")?;
    let value = || operation.get("value").cloned().ok_or_else(|| format!("no value for {path}"));
    match operation["op"].as_str().unwrap_or_default() {
        "add" => add(object, path, value()?),
        "remove" => remove(object, path).map(drop),
        "replace" => {
            *existing(object, path)? = value()?;
            Ok(())
        }
        "test" => {
            if *existing(object, path)? == value()? {
                return Ok(());
            }
            Err(format!("testing value {path} failed"))
        }
        "move" => {
            let moved = remove(object, from(operation)?)?;
            add(object, path, moved)
        }
        "copy" => {
            let copied = existing(object, from(operation)?)?.clone();
            add(object, path, copied)
        }
        other => Err(format!("unexpected kind of operation: {other:?}")),
    }
}

fn from(operation: &Value) -> Result<&str, String> {
    operation["from"].as_str().ok_or_else(|| "an operation has no from".to_owned())
}

fn existing<'a>(object: &'a mut Value, path: &str) -> Result<&'a mut Value, String> {
    object.pointer_mut(path).ok_or_else(|| format!("there is nothing at {path}"))
}

/// The path of what holds it, and its name there.
fn split(path: &str) -> Result<(&str, String), String> {
    let (parent, last) = path.rsplit_once('/').ok_or_else(|| format!("{path:?} is no path"))?;
    Ok((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn add(object: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        *object = value;
        return Ok(());
    }
    let (parent, last) = split(path)?;
    match existing(object, parent)? {
        Value::Object(fields) => {
            fields.insert(last, value);
            Ok(())
        }
        Value::Array(items) => {
            let at = if last == "-" { items.len() } else { index(&last)? };
            if at > items.len() {
                return Err(format!("there is no place {at} in {parent}"));
            }
            items.insert(at, value);
            Ok(())
        }
        _ => Err(format!("{parent} is neither a map nor a list")),
    }
}

fn remove(object: &mut Value, path: &str) -> Result<Value, String> {
    let missing = || format!("there is nothing at {path}");
    let (parent, last) = split(path)?;
    match existing(object, parent)? {
        Value::Object(fields) => fields.remove(&last).ok_or_else(missing),
        Value::Array(items) => {
            let at = index(&last)?;
            if at < items.len() { Ok(items.remove(at)) } else { Err(missing()) }
        }
        _ => Err(missing()),
    }
}

fn index(text: &str) -> Result<usize, String> {
    let is_number = text == "0" || (!text.starts_with('0') && !text.starts_with('+'));
    text.parse().ok().filter(|_| is_number).ok_or_else(|| format!("{text:?} is no place in a list"))
}
