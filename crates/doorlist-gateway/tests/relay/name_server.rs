//! A name server on loopback that answers from a table. It counts what it is asked.

use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::TXT;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::UdpSocket;

/// What the server does when it is asked for a name.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Txt(String),
    /// The question is never answered.
    Silence,
    /// The answer is SERVFAIL.
    Broken,
}

/// The names of a test; all others do not exist.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zone(HashMap<String, Entry>);

impl Zone {
    pub(crate) fn txt(self, name: &str, text: impl Into<String>) -> Self {
        self.with(name, Entry::Txt(text.into()))
    }

    pub(crate) fn with(mut self, name: &str, entry: Entry) -> Self {
        self.0.insert(name.to_owned(), entry);
        self
    }
}

/// The running server; it ends with the test.
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    asked: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl NameServer {
    pub(crate) async fn start(zone: Zone) -> Self {
        Self::answering(move |name| zone.0.get(name).cloned()).await
    }

    /// The same with answers that are made when they are asked for.
    pub(crate) async fn answering(entry: impl Fn(&str) -> Option<Entry> + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            let mut buffer = [0; 4096];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let Ok(query) = Message::from_vec(&buffer[..length]) else { continue };
                if let Some(answer) = answer(&query, &entry) {
                    socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
                }
            }
        });
        Self { address, asked, task }
    }

    /// How many questions came so far.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn answer(query: &Message, entry: &impl Fn(&str) -> Option<Entry>) -> Option<Message> {
    let question = query.queries.first()?;
    let name: &Name = question.name();
    let found = entry(name.to_ascii().to_ascii_lowercase().trim_end_matches('.'));
    let mut answer = Message::response(query.metadata.id, OpCode::Query);
    answer.metadata.recursion_desired = true;
    answer.metadata.recursion_available = true;
    answer.add_query(question.clone());
    let data = match (&found, question.query_type()) {
        (Some(Entry::Silence), _) => return None,
        (Some(Entry::Txt(text)), RecordType::TXT) => {
            // A string of a record has 255 octets at most (RFC 1035 §3.3).
            let parts = text.as_bytes().chunks(255).map(|part| String::from_utf8_lossy(part).into_owned());
            Some(RData::TXT(TXT::new(parts.collect())))
        }
        _ => None,
    };
    answer.metadata.response_code = match found {
        None => ResponseCode::NXDomain,
        Some(Entry::Broken) => ResponseCode::ServFail,
        Some(_) => ResponseCode::NoError,
    };
    if let Some(data) = data {
        answer.add_answer(Record::from_rdata(name.clone(), 60, data));
    }
    Some(answer)
}
