//! OpenAPI version 2 in the encoding that kubectl asks for: the messages of gnostic's `openapiv2/OpenAPIv2.proto`, of which only the
//! fields that our document has are written.

use serde_json::Value;

/// The content type of it. Clients ask with an `@` for the first dot, which their own parsers of content types do not take.
pub(in crate::skin) const CONTENT_TYPE: &str =
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// A message as it is being written.
#[derive(Debug, Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
            number >>= 7;
        }
        self.0.push(u8::try_from(number).unwrap_or(0));
    }

    fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        // Wire type 2: a length, then as many bytes.
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn text(self, field: u64, value: &Value) -> Self {
        match value.as_str() {
            Some(text) => self.bytes(field, text.as_bytes()),
            None => self,
        }
    }

    fn message(self, field: u64, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }

    fn messages(self, field: u64, messages: impl IntoIterator<Item = Self>) -> Self {
        messages.into_iter().fold(self, |message, inner| message.message(field, &inner))
    }

    /// The entries of a map, each as a message of its name and its value.
    fn named(self, field: u64, map: &Value, value: impl Fn(&Value) -> Self) -> Self {
        let entries = map.as_object().into_iter().flatten();
        let entry = |(name, of): (&String, &Value)| {
            Self::default().bytes(1, name.as_bytes()).message(2, &value(of))
        };
        self.messages(field, entries.map(entry))
    }

    /// The vendor extensions of an object, each as YAML, which JSON is.
    fn extensions(self, field: u64, object: &Value) -> Self {
        let fields = object.as_object().into_iter().flatten();
        let own = fields.filter(|(name, _)| name.starts_with("x-"));
        let entry = |(name, value): (&String, &Value)| {
            let any = Self::default().bytes(2, value.to_string().as_bytes());
            Self::default().bytes(1, name.as_bytes()).message(2, &any)
        };
        self.messages(field, own.map(entry))
    }
}

/// A document of OpenAPI version 2 in that encoding.
pub(in crate::skin) fn document(document: &Value) -> Vec<u8> {
    let info = &document["info"];
    let info = Message::default().text(1, &info["title"]).text(2, &info["version"]);
    let paths = Message::default().named(2, &document["paths"], path);
    let definitions = Message::default().named(1, &document["definitions"], schema);
    Message::default()
        .text(1, &document["swagger"])
        .message(2, &info)
        .message(8, &paths)
        .message(9, &definitions)
        .0
}

fn path(item: &Value) -> Message {
    let numbers = [("get", 2), ("put", 3), ("post", 4), ("delete", 5), ("patch", 8)];
    let there = numbers.into_iter().filter(|(method, _)| item.get(*method).is_some());
    there.fold(Message::default(), |message, (method, field)| {
        message.message(field, &operation(&item[method]))
    })
}

fn operation(operation: &Value) -> Message {
    let list = operation["parameters"].as_array().into_iter().flatten();
    let response = |of: &Value| {
        let response = Message::default().text(1, &of["description"]);
        Message::default().message(1, &response)
    };
    Message::default()
        .text(5, &operation["operationId"])
        .messages(8, list.map(parameter))
        .message(9, &Message::default().named(1, &operation["responses"], response))
        .extensions(13, operation)
}

fn parameter(parameter: &Value) -> Message {
    let query = Message::default()
        .text(2, &parameter["in"])
        .text(4, &parameter["name"])
        .text(6, &parameter["type"]);
    let other = Message::default().message(3, &query);
    Message::default().message(1, &Message::default().message(2, &other))
}

fn schema(schema: &Value) -> Message {
    let mut message = Message::default()
        .text(1, &schema["$ref"])
        .text(2, &schema["format"])
        .text(4, &schema["description"]);
    for name in schema["required"].as_array().into_iter().flatten() {
        message = message.text(19, name);
    }
    if schema["additionalProperties"].is_object() {
        let inner = Message::default().message(1, &self::schema(&schema["additionalProperties"]));
        message = message.message(21, &inner);
    }
    if schema["type"].is_string() {
        message = message.message(22, &Message::default().text(1, &schema["type"]));
    }
    if schema["items"].is_object() {
        message =
            message.message(23, &Message::default().message(1, &self::schema(&schema["items"])));
    }
    if schema["properties"].is_object() {
        let inner = Message::default().named(1, &schema["properties"], self::schema);
        message = message.message(25, &inner);
    }
    message.extensions(31, schema)
}
