//! The page for handing in a file.

use super::site::{Site, TOKEN, exchange, get, listen};
use doorlist_web::{UPLOAD_FILE_MAX, UPLOADS_AT_ONCE_MAX};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LIST: &[u8] = b"a@example.test\n";

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

#[tokio::test]
async fn the_page_says_what_is_asked_for_and_lets_a_browser_do_next_to_nothing() {
    let site = Site::start().await;
    let address = site.address;
    let page = get(address, &format!("/upload/{TOKEN}")).await;
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("Content-Type: text/html; charset=utf-8"), "{page}");
    for words in [
        "<html lang=\"en\">",
        "<h1>Address list of example.test</h1>",
        "<label for=\"file\">",
        "id=\"file\" name=\"file\" required",
        "<li>an LDIF file or a Postfix map</li>",
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
    let site = Site::start().await;
    let address = site.address;
    let body_of = |answer: String| answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap();
    let unknown = get(address, "/upload/unknown").await;
    assert!(unknown.starts_with("HTTP/1.1 404 ") && unknown.contains("This link is no longer valid"), "{unknown}");
    let asked = site.outside.looked_up();
    let unknown = body_of(unknown);
    for path in
        [&format!("/upload/{}", "x".repeat(129)), "/upload/%ff", "/upload/a%2Fb", "/upload/a%00b", "/upload/a.b"]
    {
        assert_eq!(body_of(get(address, path).await), unknown, "{path}");
    }
    assert_eq!(site.outside.looked_up(), asked, "what cannot be a token is not asked about");
    let posted = exchange(address, &upload("unknown", &[part("file", "a.csv", &vec![b'x'; 1 << 20])])).await;
    assert!(posted.starts_with("HTTP/1.1 404 "), "{posted}");
    assert_eq!(body_of(posted), unknown);

    hand_in(address, "a.csv", LIST).await;
    assert_eq!(body_of(get(address, &format!("/upload/{TOKEN}")).await), unknown, "a used one");
    assert_eq!(body_of(hand_in(address, "a.csv", LIST).await), unknown);
    assert_eq!(site.plans().await, 1);
}

#[tokio::test]
async fn a_file_is_handed_in_octet_for_octet_and_its_name_is_text() {
    let site = Site::start().await;
    let mut list: String = (0..100_000).map(|n| format!("user{n:06}.of.the.list@example.test\n")).collect();
    list.push_str("eve@elsewhere.test\n");
    let parts =
        [part("note", "", b"hello"), part("file", r"C:\lists\<img src=x onerror=alert(1)>.csv", list.as_bytes())];
    let page = exchange(site.address, &upload(TOKEN, &parts)).await;
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    for words in [
        "&lt;img src=x onerror=alert(1)&gt;.csv was read",
        "Format: a plain list",
        "Addresses: 100000",
        "Rows that could not be read: 1",
        "Your provider will review it.",
    ] {
        assert!(page.contains(words), "{words} is not in\n{page}");
    }
    assert!(!page.contains("<img"), "{page}");
    assert_eq!(site.plans().await, 1);
}

#[tokio::test]
async fn a_file_that_is_none_is_refused_in_words_and_the_link_stays() {
    let site = Site::start().await;
    let address = site.address;
    let file = || part("file", "a.csv", LIST);
    let mut no_form = posting(TOKEN, 3);
    no_form.extend_from_slice(b"abc");
    let no_form = String::from_utf8(no_form).unwrap();
    let cases = [
        (hand_in(address, "", b"").await, "400", "no file was chosen"),
        (hand_in(address, "a.csv", b"").await, "400", "the file is empty"),
        (hand_in(address, "a.csv", &[0, 159, 146, 150, 0, 255]).await, "422", "The file was not accepted: "),
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
    assert_eq!(site.plans().await, 0);
    assert!(hand_in(address, "a.csv", LIST).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn what_is_too_large_is_refused_whether_it_says_so_or_not() {
    let site = Site::start().await;
    let address = site.address;
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
    assert_eq!(site.outside.begun(), 0);
}

#[tokio::test]
async fn of_a_double_click_one_is_taken() {
    let site = Site::start().await;
    let address = site.address;
    site.outside.hold(true);
    let clicks = [tokio::spawn(async move { hand_in(address, "a.csv", LIST).await }), {
        tokio::spawn(async move { hand_in(address, "a.csv", LIST).await })
    }];
    site.outside.until_begun(2).await;
    let third = hand_in(address, "a.csv", LIST).await;
    assert_eq!(UPLOADS_AT_ONCE_MAX, 2);
    assert!(third.starts_with("HTTP/1.1 503 ") && third.contains("in a minute"), "{third}");
    site.outside.hold(false);
    let mut answers = Vec::new();
    for click in clicks {
        answers.push(click.await.unwrap()[..12].to_owned());
    }
    answers.sort();
    assert_eq!(answers, ["HTTP/1.1 200", "HTTP/1.1 404"]);
    assert_eq!(site.plans().await, 1);
}

#[tokio::test]
async fn an_upload_that_is_broken_off_leaves_nothing_and_its_place_is_free_again() {
    let site = Site::start().await;
    let address = site.address;
    let whole = upload(TOKEN, &[part("file", "a.csv", &vec![b'x'; 100_000])]);
    for cut in [posting(TOKEN, 9).len() - 5, 400, 50_000, whole.len() - 12, whole.len() - 3] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&whole[..cut]).await.unwrap();
        drop(stream);
    }
    // The places of those who went are free as soon as it is noticed that they went.
    let taken = async {
        loop {
            let answer = hand_in(address, "a.csv", LIST).await;
            if !answer.starts_with("HTTP/1.1 503 ") {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(20), taken).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(site.outside.begun(), 1, "no part of a file was ever handed on");
    assert_eq!(site.plans().await, 1);
}

#[tokio::test]
async fn a_client_that_goes_when_its_file_has_come_does_not_stop_its_taking() {
    let site = Site::start().await;
    let address = site.address;
    site.outside.hold(true);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&upload(TOKEN, &[part("file", "a.csv", LIST)])).await.unwrap();
    site.outside.until_begun(1).await;
    drop(stream);
    site.outside.hold(false);
    tokio::time::timeout(Duration::from_secs(20), async {
        while site.plans().await == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn before_the_list_is_loaded_no_link_is_called_bad() {
    let address = listen(Arc::new(OnceLock::new())).await;
    for answer in [get(address, &format!("/upload/{TOKEN}")).await, hand_in(address, "a.csv", b"x").await] {
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("The link stays valid"), "{answer}");
    }
}
