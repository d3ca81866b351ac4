//! The page for handing in a file, as a browser and as somebody with a telnet client see it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use doorlist_web::{
    UPLOAD_FILE_MAX, UPLOADS_AT_ONCE_MAX, UploadAnswer, UploadRefused, UploadTaken, Uploads, serve, uploads,
};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore};

const TOKEN: &str = "good_Token-43";

/// One link, which takes one file.
struct Fake {
    used: Mutex<bool>,
    asked: AtomicUsize,
    taken: Mutex<Vec<(String, Vec<u8>)>>,
    /// What takes a file waits here.
    gate: Semaphore,
    began: AtomicUsize,
    store_is_away: bool,
}

impl Fake {
    fn new(gate: usize) -> Self {
        Self {
            used: Mutex::new(false),
            asked: AtomicUsize::new(0),
            taken: Mutex::default(),
            gate: Semaphore::new(gate),
            began: AtomicUsize::new(0),
            store_is_away: false,
        }
    }
}

impl Uploads for Fake {
    fn formats(&self) -> Vec<String> {
        vec!["CSV, one address a row".to_owned(), "<b>other</b>".to_owned()]
    }

    fn look<'a>(&'a self, token: &'a str) -> UploadAnswer<'a, String> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            match token {
                _ if self.store_is_away => Err(UploadRefused::Away),
                TOKEN if !*self.used.lock().await => Ok("example.test".to_owned()),
                _ => Err(UploadRefused::NoLink),
            }
        })
    }

    fn take<'a>(&'a self, token: &'a str, file_name: &'a str, bytes: Vec<u8>) -> UploadAnswer<'a, UploadTaken> {
        Box::pin(async move {
            assert_eq!(token, TOKEN);
            self.began.fetch_add(1, Ordering::SeqCst);
            let _pass = self.gate.acquire().await.unwrap();
            if bytes.starts_with(b"bad") {
                return Err(UploadRefused::Unfit("line 1 is <no> address".to_owned()));
            }
            if std::mem::replace(&mut *self.used.lock().await, true) {
                return Err(UploadRefused::NoLink);
            }
            self.taken.lock().await.push((file_name.to_owned(), bytes.to_vec()));
            Ok(UploadTaken { format: "CSV, UTF-8".to_owned(), addresses: 12, bad_rows: 3, waits: true })
        })
    }
}

async fn start(fake: &Arc<Fake>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, uploads(Arc::clone(fake) as Arc<dyn Uploads>), std::future::pending()));
    address
}

/// Sends `request` and reads until the server closes.
async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that has answered may close before all is sent.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

async fn get(address: SocketAddr, path: &str) -> String {
    exchange(address, format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await
}

fn part(field: &str, file_name: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!(
        "--edge\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{file_name}\"\r\n\
         Content-Type: text/csv\r\n\r\n"
    );
    [head.as_bytes(), bytes, b"\r\n"].concat()
}

fn posting(token: &str, length: usize) -> Vec<u8> {
    format!(
        "POST /upload/{token} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\
         Content-Type: multipart/form-data; boundary=edge\r\n\r\n"
    )
    .into_bytes()
}

fn upload(token: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    let body = [&parts.concat()[..], b"--edge--\r\n"].concat();
    [posting(token, body.len()), body].concat()
}

async fn hand_in(address: SocketAddr, file_name: &str, bytes: &[u8]) -> String {
    exchange(address, &upload(TOKEN, &[part("file", file_name, bytes)])).await
}

async fn until(count: &AtomicUsize, wanted: usize) {
    let reached = async {
        while count.load(Ordering::SeqCst) < wanted {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reached).await.unwrap();
}

#[tokio::test]
async fn the_page_says_what_is_asked_for_and_lets_a_browser_do_next_to_nothing() {
    let fake = Arc::new(Fake::new(9));
    let address = start(&fake).await;
    let page = get(address, &format!("/upload/{TOKEN}")).await;
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("Content-Type: text/html; charset=utf-8"), "{page}");
    for words in [
        "<html lang=\"en\">",
        "<h1>Address list of example.test</h1>",
        "<label for=\"file\">",
        "id=\"file\" name=\"file\" required",
        "<li>CSV, one address a row</li>",
        "&lt;b&gt;other&lt;/b&gt;",
        "method=\"post\" enctype=\"multipart/form-data\"",
    ] {
        assert!(page.contains(words), "{words} is not in\n{page}");
    }
    assert!(!page.contains("<script") && !page.contains(TOKEN), "{page}");
    let style = get(address, "/upload.css").await;
    assert!(style.contains("Content-Type: text/css") && style.contains("font:"), "{style}");
    let wrong = get(address, "/upload/wrong").await;
    let method =
        exchange(address, format!("PUT /upload/{TOKEN} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
            .await;
    assert!(method.starts_with("HTTP/1.1 4"), "{method}");
    for answer in [page, style, wrong, get(address, "/upload/%ff").await] {
        for header in [
            "Content-Security-Policy: default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; ",
            "Referrer-Policy: no-referrer\r\n",
            "Cache-Control: no-store\r\n",
            "X-Content-Type-Options: nosniff\r\n",
            "X-Frame-Options: DENY\r\n",
        ] {
            assert!(answer.contains(header), "{header} is not in\n{answer}");
        }
    }
}

#[tokio::test]
async fn links_that_are_none_all_look_the_same() {
    let fake = Arc::new(Fake::new(9));
    let address = start(&fake).await;
    let body_of = |answer: String| answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap();
    let unknown = get(address, "/upload/unknown").await;
    assert!(unknown.starts_with("HTTP/1.1 404 ") && unknown.contains("This link is no longer valid"), "{unknown}");
    let asked = fake.asked.load(Ordering::SeqCst);
    let unknown = body_of(unknown);
    for path in
        [&format!("/upload/{}", "x".repeat(129)), "/upload/%ff", "/upload/a%2Fb", "/upload/a%00b", "/upload/a.b"]
    {
        assert_eq!(body_of(get(address, path).await), unknown, "{path}");
    }
    assert_eq!(fake.asked.load(Ordering::SeqCst), asked, "what cannot be a token is not asked about");
    let posted = exchange(address, &upload("unknown", &[part("file", "a.csv", &vec![b'x'; 1 << 20])])).await;
    assert!(posted.starts_with("HTTP/1.1 404 "), "{posted}");
    assert_eq!(body_of(posted), unknown);

    hand_in(address, "a.csv", b"a@example.test\n").await;
    assert_eq!(body_of(get(address, &format!("/upload/{TOKEN}")).await), unknown, "a used one");
    assert_eq!(body_of(hand_in(address, "a.csv", b"a@example.test\n").await), unknown);
    assert_eq!(fake.taken.lock().await.len(), 1);
}

#[tokio::test]
async fn a_file_is_handed_in_octet_for_octet_and_its_name_is_text() {
    let fake = Arc::new(Fake::new(9));
    let address = start(&fake).await;
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let parts = [part("note", "", b"hello"), part("file", r"C:\lists\<img src=x onerror=alert(1)>.csv", &bytes)];
    let page = exchange(address, &upload(TOKEN, &parts)).await;
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    for words in [
        "&lt;img src=x onerror=alert(1)&gt;.csv was read",
        "Format: CSV, UTF-8",
        "Addresses: 12",
        "Rows that could not be read: 3",
        "Your provider will review it.",
    ] {
        assert!(page.contains(words), "{words} is not in\n{page}");
    }
    assert!(!page.contains("<img"), "{page}");
    let taken = fake.taken.lock().await;
    assert_eq!(taken[0].0, "<img src=x onerror=alert(1)>.csv");
    assert!(taken[0].1 == bytes, "{} octets", taken[0].1.len());
}

#[tokio::test]
async fn a_file_that_is_none_is_refused_in_words_and_the_link_stays() {
    let fake = Arc::new(Fake::new(9));
    let address = start(&fake).await;
    let file = || part("file", "a.csv", b"a@example.test\n");
    let mut no_form = posting(TOKEN, 3);
    no_form.extend_from_slice(b"abc");
    let no_form = String::from_utf8(no_form).unwrap();
    let cases = [
        (hand_in(address, "", b"").await, "400", "no file was chosen"),
        (hand_in(address, "a.csv", b"").await, "400", "the file is empty"),
        (hand_in(address, "a.csv", b"bad").await, "422", "line 1 is &lt;no&gt; address"),
        (exchange(address, &upload(TOKEN, &[])).await, "400", "no file was chosen"),
        (exchange(address, &upload(TOKEN, &[file(), file()])).await, "400", "not several"),
        (exchange(address, &upload(TOKEN, &vec![part("x", "", b"y"); 20])).await, "400", "is not a form with a file"),
        (exchange(address, no_form.as_bytes()).await, "400", "the file is incomplete"),
        (
            exchange(address, no_form.replace("multipart/form-data; boundary=edge", "text/csv").as_bytes()).await,
            "400",
            "is not a form with a file",
        ),
    ];
    for (answer, status, words) in cases {
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(words), "{words}: {answer}");
        assert!(answer.contains("role=\"alert\"") && answer.contains("<form"), "{answer}");
    }
    assert!(fake.taken.lock().await.is_empty());
    assert!(hand_in(address, "a.csv", b"a@example.test\n").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn what_is_too_large_is_refused_whether_it_says_so_or_not() {
    let fake = Arc::new(Fake::new(9));
    let address = start(&fake).await;
    let said = exchange(address, &posting(TOKEN, UPLOAD_FILE_MAX * 2)).await;
    assert!(said.starts_with("HTTP/1.1 413 ") && said.contains("larger than 100 MiB"), "{said}");

    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let send = async {
        let head = format!(
            "POST /upload/{TOKEN} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
             Content-Type: multipart/form-data; boundary=edge\r\n\r\n"
        );
        writer.write_all(head.as_bytes()).await.unwrap();
        let head = part("file", "a.csv", &[]);
        let head = &head[..head.len() - 2];
        let begin = [format!("{:x}\r\n", head.len()).as_bytes(), head, b"\r\n"].concat();
        let chunk = [&b"100000\r\n"[..], &[b'x'; 1 << 20], b"\r\n"].concat();
        let _ = writer.write_all(&begin).await;
        // Refused somewhere on the way; what is still sent then finds nobody.
        for _ in 0..120 {
            if writer.write_all(&chunk).await.is_err() {
                return;
            }
        }
    };
    let mut answer = Vec::new();
    let receive = async {
        let _ = reader.read_to_end(&mut answer).await;
    };
    tokio::join!(send, receive);
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(fake.began.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn of_a_double_click_one_is_taken() {
    let fake = Arc::new(Fake::new(0));
    let address = start(&fake).await;
    let clicks = [tokio::spawn(async move { hand_in(address, "a.csv", b"a@example.test\n").await }), {
        tokio::spawn(async move { hand_in(address, "a.csv", b"a@example.test\n").await })
    }];
    until(&fake.began, 2).await;
    let third = hand_in(address, "a.csv", b"a@example.test\n").await;
    assert_eq!(UPLOADS_AT_ONCE_MAX, 2);
    assert!(third.starts_with("HTTP/1.1 503 ") && third.contains("in a minute"), "{third}");
    fake.gate.add_permits(2);
    let mut answers = Vec::new();
    for click in clicks {
        answers.push(click.await.unwrap()[..12].to_owned());
    }
    answers.sort();
    assert_eq!(answers, ["HTTP/1.1 200", "HTTP/1.1 404"]);
    assert_eq!(fake.taken.lock().await.len(), 1);
}

#[tokio::test]
async fn an_upload_that_is_broken_off_leaves_nothing_and_its_place_is_free_again() {
    let fake = Arc::new(Fake::new(9));
    let address = start(&fake).await;
    let whole = upload(TOKEN, &[part("file", "a.csv", &vec![b'x'; 100_000])]);
    for cut in [posting(TOKEN, 9).len() - 5, 400, 50_000, whole.len() - 12, whole.len() - 3] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&whole[..cut]).await.unwrap();
        drop(stream);
    }
    // The places of those who went are free as soon as it is noticed that they went.
    let taken = async {
        loop {
            let answer = hand_in(address, "a.csv", b"a@example.test\n").await;
            if !answer.starts_with("HTTP/1.1 503 ") {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(20), taken).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(fake.began.load(Ordering::SeqCst), 1, "no part of a file was ever handed on");
    assert_eq!(*fake.taken.lock().await, [("a.csv".to_owned(), b"a@example.test\n".to_vec())]);
}

#[tokio::test]
async fn a_client_that_goes_when_its_file_has_come_does_not_stop_its_taking() {
    let fake = Arc::new(Fake::new(0));
    let address = start(&fake).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&upload(TOKEN, &[part("file", "a.csv", b"a@example.test\n")])).await.unwrap();
    until(&fake.began, 1).await;
    drop(stream);
    tokio::time::sleep(Duration::from_millis(50)).await;
    fake.gate.add_permits(1);
    tokio::time::timeout(Duration::from_secs(20), async {
        while fake.taken.lock().await.is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await
    .unwrap();
}

/// The clock stands still and jumps to the next timer whenever nothing else is to be done.
#[tokio::test(start_paused = true)]
async fn a_sender_that_stops_or_drips_is_let_go() {
    let fake = Arc::new(Fake::new(9));
    let address = start(&fake).await;
    let whole = upload(TOKEN, &[part("file", "a.csv", &vec![b'x'; 10_000])]);
    let before = tokio::time::Instant::now();
    let answer = exchange(address, &whole[..1_000]).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("the upload took too long"), "{answer}");
    assert!(before.elapsed() < Duration::from_secs(30), "{:?}", before.elapsed());

    let before = tokio::time::Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let mut answer = Vec::new();
    let drip = async {
        for octet in whole.chunks(10) {
            tokio::time::sleep(Duration::from_secs(15)).await;
            if writer.write_all(octet).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = drip => panic!("it was let drip"),
        _ = reader.read_to_end(&mut answer) => {}
    }
    assert!(before.elapsed() <= Duration::from_secs(300), "{:?}", before.elapsed());
    assert_eq!(fake.began.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn while_the_store_is_away_a_link_is_not_called_bad() {
    let fake = Arc::new(Fake { store_is_away: true, ..Fake::new(9) });
    let address = start(&fake).await;
    for answer in [get(address, &format!("/upload/{TOKEN}")).await, hand_in(address, "a.csv", b"x").await] {
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("The link stays valid"), "{answer}");
    }
}
