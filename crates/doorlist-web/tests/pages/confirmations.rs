//! The page that confirms a contact's address.

use super::site::{NOW, Site, TOKEN, ask, listen};
use doorlist_actions::SecretStore;
use doorlist_core::address::Address;
use doorlist_store::contact_book::ContactOf;
use doorlist_store::tenants::CustomerFields;
use std::sync::{Arc, OnceLock};

/// With a customer whose contact outside was sent the link.
async fn start() -> (Site, ContactOf, Address) {
    let site = Site::start().await;
    let fields = CustomerFields { name: "Maple <b>Inc</b>".to_owned(), ..CustomerFields::default() };
    let customer = site.command().create_customer(fields, None).await.unwrap();
    let contact: Address = "ann@else.test".parse().unwrap();
    let hash = site.outside.hash(TOKEN);
    site.services.contacts.permit_confirmation(customer, &contact, &hash, NOW).await.unwrap().unwrap();
    (site, ContactOf::Customer(customer), contact)
}

#[tokio::test]
async fn looking_confirms_nothing_and_the_button_confirms_once() {
    let (site, of, contact) = start().await;
    let confirmed = async || site.services.contacts.permit_notice(of, &contact, NOW).await.unwrap().is_ok();
    let link = format!("/contact/{TOKEN}");
    for method in ["GET", "HEAD", "GET"] {
        let page = ask(site.address, method, &link).await;
        assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
        assert!(!confirmed().await, "{method}");
    }
    let page = site.get(&link).await;
    for words in
        ["<form method=\"post\">", "<button type=\"submit\">", "ann@else.test", "<strong>Maple b Inc b</strong>"]
    {
        assert!(page.contains(words), "{words} is not in {page}");
    }
    let head = page.split_once("\r\n\r\n").unwrap().0.to_lowercase();
    for header in
        ["content-security-policy: default-src 'none'", "referrer-policy: no-referrer", "cache-control: no-store"]
    {
        assert!(head.contains(header), "{header} is not in {head}");
    }
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH"] {
        assert!(ask(site.address, method, &link).await.starts_with("HTTP/1.1 405 "), "{method}");
        assert!(!confirmed().await, "{method}");
    }
    assert!(ask(site.address, "POST", &link).await.starts_with("HTTP/1.1 200 "));
    assert!(confirmed().await);
    for method in ["GET", "POST"] {
        let page = ask(site.address, method, &link).await;
        assert!(page.starts_with("HTTP/1.1 404 ") && !page.contains("ann@"), "{page}");
    }
}

#[tokio::test]
async fn what_is_no_token_is_not_asked_about_and_whoever_guesses_has_to_wait() {
    let (site, _, _) = start().await;
    let before = site.outside.looked_up();
    for path in ["/contact/a%20b", "/contact/%3Cb%3E", "/contact/%FF", &format!("/contact/{}", "x".repeat(129))] {
        assert!(ask(site.address, "POST", path).await.starts_with("HTTP/1.1 404 "), "{path}");
    }
    assert_eq!(site.outside.looked_up(), before);
    let mut refused = 0;
    for n in 0..60 {
        let answer = site.get(&format!("/contact/guess{n}")).await;
        refused += u32::from(answer.starts_with("HTTP/1.1 429 "));
    }
    assert!(refused > 20, "{refused}");
}

#[tokio::test]
async fn before_the_list_is_loaded_no_link_is_called_bad() {
    let address = listen(Arc::new(OnceLock::new())).await;
    for method in ["GET", "POST"] {
        let page = ask(address, method, &format!("/contact/{TOKEN}")).await;
        assert!(page.starts_with("HTTP/1.1 503 ") && page.contains("try again"), "{page}");
    }
}
