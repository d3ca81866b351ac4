#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::audit_files::AuditFiles;
use crate::directory_reader::Directories;
use crate::secret_store::{KeyFileSecrets, KeyPlace};
use crate::txt_lookup::DnsTxt;
use doorlist_actions::{
    Actions, Caller, Clock, DomainAdd, ImportRequest, JOBS_MAX, NoNotifier, PlanList, Response, RetentionTerms,
    SpoolQueue, WorkPool,
};
use doorlist_core::change::{Actor, MailServer, NamedBy, ServerTls, Via};
use doorlist_core::time::Timestamp;
use doorlist_store::mail_log::MailLogConfig;
use doorlist_store::spool::SpoolConfig;
use doorlist_store::{Audit, ContactBook, Logins, MailLog, RecipientStore, SourceBook, Spool, StoreUrl, Tenants};
use std::path::Path;
use tokio::runtime::Handle;

async fn services(folder: &Path) -> Arc<Services> {
    let url = StoreUrl::Sqlite(folder.to_owned());
    let directory = RecipientStore::open(&url).await.unwrap();
    let spool = Spool::open(&url, SpoolConfig::default()).await.unwrap();
    let clock: Clock = Arc::new(|| Timestamp::from_secs(1_800_000_000));
    let queue = Arc::new(SpoolQueue::new(spool, directory.clone(), Arc::clone(&clock)));
    Arc::new(Services {
        work: WorkPool::new(Handle::current(), 1, JOBS_MAX),
        book: SourceBook::of(&directory),
        contacts: ContactBook::of(&directory),
        tenants: Tenants::of(&directory),
        logins: Logins::of(&directory),
        audit: Audit::of(&directory),
        archive: Arc::new(AuditFiles::of(folder)),
        retention: RetentionTerms::default(),
        txt: Arc::new(DnsTxt),
        verification_needed: true,
        pushes_max: 50,
        node_number: 0,
        directory,
        mail_log: MailLog::open(&url, MailLogConfig::default()).await.unwrap(),
        queue,
        reader: Arc::new(Directories::new(Vec::new())),
        vault: Arc::new(KeyFileSecrets::new(KeyPlace::StateDir(folder.to_owned()))),
        notices: Arc::new(NoNotifier),
        operator: None,
        web_base: Some("https://mx.example.test".to_owned()),
        node: "one".to_owned(),
        clock,
    })
}

fn by_command(services: &Arc<Services>) -> Actions {
    Actions::of(services, Caller::on_machine(Actor { name: "root".to_owned(), via: Via::Command }))
}

async fn link(services: &Arc<Services>) -> String {
    let ask = ImportRequest { domain: "example.test".parse().unwrap(), source: "customer".to_owned(), days: None };
    match by_command(services).run(ask).await.unwrap() {
        Response::UploadRequest(made) => {
            assert_eq!(made.url, Some(format!("https://mx.example.test/upload/{}", made.token)));
            made.token
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_link_takes_one_file_which_then_waits() {
    let folder = tempfile::tempdir().unwrap();
    let services = services(folder.path()).await;
    let server = MailServer {
        host: "192.0.2.1".to_owned(),
        port: 25,
        preference: 10,
        tls: ServerTls::Opportunistic,
        xforward: false,
        named_by: NamedBy::Machine,
    };
    let name = "example.test".parse().unwrap();
    by_command(&services).run(DomainAdd { name, servers: vec![server], customer: None }).await.unwrap();
    let token = link(&services).await;
    let desk = UploadDesk::of(Arc::clone(&services));
    assert_eq!(desk.look(&token).await.unwrap(), "example.test");
    assert_eq!(desk.look("unknown").await, Err(UploadRefused::NoLink));
    assert_eq!(desk.take("unknown", "a.txt", b"a@example.test\n".to_vec()).await, Err(UploadRefused::NoLink));

    let unfit = desk.take(&token, "a.txt", vec![0, 159, 146, 150, 0, 255]).await;
    assert!(matches!(&unfit, Err(UploadRefused::Unfit(why)) if !why.is_empty()), "{unfit:?}");
    assert_eq!(desk.look(&token).await.unwrap(), "example.test", "a file that is none does not use the link up");
    let taken = desk.take(&token, "a.txt", b"ann@example.test\nbob@example.test\n".to_vec()).await.unwrap();
    assert_eq!((taken.addresses, taken.waits), (2, true));
    assert_eq!(desk.look(&token).await, Err(UploadRefused::NoLink));
    assert_eq!(desk.take(&token, "a.txt", b"eve@example.test\n".to_vec()).await, Err(UploadRefused::NoLink));
    let plans = PlanList { domain: None, before: None, limit: 10 };
    match by_command(&services).run(plans).await.unwrap() {
        Response::Plans(plans) => assert_eq!(plans.len(), 1),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn before_the_office_is_open_no_link_is_called_bad() {
    let folder = tempfile::tempdir().unwrap();
    let desk = UploadDesk::default();
    assert_eq!(desk.look("any").await, Err(UploadRefused::Away));
    assert_eq!(desk.take("any", "a.txt", b"a@example.test\n".to_vec()).await, Err(UploadRefused::Away));
    desk.open(services(folder.path()).await);
    assert_eq!(desk.look("any").await, Err(UploadRefused::NoLink));
}

#[test]
fn what_the_store_says_is_not_told() {
    let told = |kind| refused(ActionError::new(kind, "postgres at 10.0.0.7 said"));
    assert_eq!(told(ErrorKind::Store), UploadRefused::Away);
    assert_eq!(told(ErrorKind::Unavailable), UploadRefused::Away);
    assert_eq!(told(ErrorKind::NotFound), UploadRefused::NoLink);
    assert!(matches!(told(ErrorKind::Data), UploadRefused::Unfit(_)));
    assert!(matches!(told(ErrorKind::Moved), UploadRefused::NotNow(_)));
    assert!(matches!(told(ErrorKind::Busy), UploadRefused::NotNow(_)));
}
