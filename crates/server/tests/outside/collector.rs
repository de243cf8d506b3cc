//! A small OpenTelemetry collector: takes traces by OTLP over HTTP and keeps them.

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
};

/// A running collector. Its threads end with the test.
pub struct Collector {
    address: SocketAddr,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    spans: Vec<Span>,
    services: Vec<String>,
}

impl Collector {
    /// Starts one that takes everything.
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let taken: Arc<Mutex<Taken>> = Arc::default();
        let kept = taken.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let taken = kept.clone();
                std::thread::spawn(move || serve(stream, &taken));
            }
        });
        Self { address, taken }
    }

    /// Where it listens, as OTEL_EXPORTER_OTLP_ENDPOINT wants it.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The spans of a trace that came until now, first begun first.
    pub fn trace(&self, id: &str) -> Vec<Span> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut spans: Vec<Span> = taken.spans.iter().filter(|span| hex(&span.trace_id) == id).cloned().collect();
        // Of two that begin together the longer one is around the other.
        spans.sort_by_key(|span| (span.start_time_unix_nano, u64::MAX - span.end_time_unix_nano));
        spans
    }

    /// The service names that came, each once.
    pub fn services(&self) -> Vec<String> {
        let mut services = self.taken.lock().unwrap_or_else(PoisonError::into_inner).services.clone();
        services.sort();
        services.dedup();
        services
    }
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An attribute's value as text; empty where it is not there.
pub fn attribute(attributes: &[KeyValue], name: &str) -> String {
    let value = attributes.iter().find(|pair| pair.key == name).and_then(|pair| pair.value.clone()?.value);
    match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}

/// Takes messages on one connection until it is closed.
fn serve(stream: TcpStream, taken: &Mutex<Taken>) {
    let mut answers = stream.try_clone().expect("a second handle");
    let mut asked = BufReader::new(stream);
    while let Some(body) = message(&mut asked) {
        let request = ExportTraceServiceRequest::decode(body.as_slice()).expect("it is OTLP");
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        for of_resource in request.resource_spans {
            let attributes = of_resource.resource.map(|resource| resource.attributes).unwrap_or_default();
            taken.services.push(attribute(&attributes, "service.name"));
            taken.spans.extend(of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
        drop(taken);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
        if answers.write_all(answer).is_err() {
            return;
        }
    }
}

/// The body of the next request; none once the connection is closed.
fn message(asked: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut length = 0;
    let mut first = String::new();
    if asked.read_line(&mut first).ok()? == 0 {
        return None;
    }
    assert_eq!(first.trim_end(), "POST /v1/traces HTTP/1.1");
    loop {
        let mut line = String::new();
        asked.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            None => break,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().expect("a length");
            }
            Some((name, value)) if name.eq_ignore_ascii_case("content-type") => {
                assert_eq!(value, "application/x-protobuf");
            }
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    asked.read_exact(&mut body).ok()?;
    Some(body)
}
