//! Stripe's form encoding: `items[0][price]=…`, in bytes that are the same each time.

use serde::Serialize;
use serde_json::Value;

/// `params` as a form or query.
///
/// What is `None` is left out; an empty map or list is sent as an empty text, which clears what stands there.
/// Source: <https://docs.stripe.com/api> (form encoding), <https://docs.stripe.com/api/metadata> (clearing).
pub(super) fn encode(params: &impl Serialize) -> String {
    let mut out = form_urlencoded::Serializer::new(String::new());
    // The parameters are structs of texts, numbers and maps of ours: they always have a JSON form.
    let value = serde_json::to_value(params).unwrap_or_default();
    if let Value::Object(fields) = &value {
        fields.iter().for_each(|(name, value)| put(&mut out, name, value));
    }
    out.finish()
}

fn put(out: &mut form_urlencoded::Serializer<'_, String>, name: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(yes) => {
            out.append_pair(name, if *yes { "true" } else { "false" });
        }
        Value::Number(number) => {
            out.append_pair(name, &number.to_string());
        }
        Value::String(text) => {
            out.append_pair(name, text);
        }
        Value::Array(items) if items.is_empty() => {
            out.append_pair(name, "");
        }
        Value::Object(fields) if fields.is_empty() => {
            out.append_pair(name, "");
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| put(out, &format!("{name}[{at}]"), item));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(field, value)| put(out, &format!("{name}[{field}]"), value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::encode;
    use serde_json::json;

    #[test]
    fn nesting_is_in_brackets_and_nothing_is_left_out_but_null() {
        let table = [
            (json!({}), ""),
            (json!({ "a": null }), ""),
            (json!({ "a": 1, "b": true, "c": "x y&z" }), "a=1&b=true&c=x+y%26z"),
            (
                json!({ "items": [{ "price": "p", "quantity": 2 }] }),
                "items%5B0%5D%5Bprice%5D=p&items%5B0%5D%5Bquantity%5D=2",
            ),
            (json!({ "metadata": { "k": "v" } }), "metadata%5Bk%5D=v"),
            (json!({ "metadata": {}, "discounts": [] }), "discounts=&metadata="),
            (json!({ "name": "é\u{2028}" }), "name=%C3%A9%E2%80%A8"),
        ];
        for (params, written) in table {
            assert_eq!(encode(&params), written, "{params}");
        }
    }
}
