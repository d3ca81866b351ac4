//! What is no noun: actions below nouns, lists below objects, admins, pushes, commands.

pub(super) struct Operation {
    pub(super) path: &'static str,
    pub(super) method: &'static str,
    pub(super) id: &'static str,
    /// The noun whose number stands in the path.
    pub(super) resource: &'static str,
    pub(super) summary: &'static str,
    /// Parameters, and whether they must be there.
    pub(super) query: &'static [(&'static str, bool)],
    /// The schema of the body.
    pub(super) body: Option<&'static str>,
    /// The status of success, and the schema of its body; none: empty.
    pub(super) success: (u16, &'static str),
}

const fn action(
    path: &'static str,
    id: &'static str,
    resource: &'static str,
    summary: &'static str,
    body: Option<&'static str>,
    success: (u16, &'static str),
) -> Operation {
    Operation { path, method: "post", id, resource, summary, query: &[], body, success }
}

const fn below(path: &'static str, id: &'static str, resource: &'static str, schema: &'static str) -> Operation {
    let summary = "The list of what is below";
    Operation { path, method: "get", id, resource, summary, query: &[], body: None, success: (200, schema) }
}

pub(super) const OPERATIONS: &[Operation] = &[
    action(
        "/api/v1/email_account/mass_add/",
        "email_account_mass_add",
        "email_account",
        "Many accounts of a domain at once; what is listed already stays as it is",
        Some("MassAdd"),
        (202, "MassAdded"),
    ),
    Operation {
        path: "/api/v1/email_account/mass_delete/",
        method: "delete",
        id: "email_account_mass_delete",
        resource: "email_account",
        summary: "Many accounts go at once",
        query: &[("id__in", true)],
        body: None,
        success: (204, ""),
    },
    action(
        "/api/v1/email_account/{id}/mass_add_aliases/",
        "email_account_mass_add_aliases",
        "email_account",
        "Further local parts of an account",
        Some("MassAliases"),
        (202, ""),
    ),
    action(
        "/api/v1/email_account/{id}/users_to_alias/",
        "email_account_users_to_alias",
        "email_account",
        "Accounts become aliases of this one; every address is accepted at every moment",
        Some("UsersToAlias"),
        (202, ""),
    ),
    action(
        "/api/v1/email_account/{id}/regenerate_api_key/",
        "email_account_regenerate_api_key",
        "email_account",
        "A new key of the account, in place of the former one; told once",
        None,
        (202, "Key"),
    ),
    action(
        "/api/v1/domain/{id}/email_accounts/mass_add/",
        "domain_email_accounts_mass_add",
        "domain",
        "Not offered, and never was: 501",
        None,
        (501, ""),
    ),
    below("/api/v1/reseller/{id}/contacts/", "reseller_contacts", "reseller", "List"),
    below("/api/v1/customer/{id}/contacts/", "customer_contacts", "customer", "List"),
    below("/api/v1/customer/{id}/domains/", "customer_domains", "customer", "List"),
    below("/api/v1/domain/{id}/contacts/", "domain_contacts", "domain", "List"),
    below("/api/v1/admins/reseller/{reseller}/", "admins_of_reseller", "reseller", "List"),
    below("/api/v1/admins/customer/{customer}/", "admins_of_customer", "customer", "List"),
    action(
        "/api/v1/admins/reseller/{reseller}/",
        "admins_of_reseller_create",
        "reseller",
        "Somebody becomes an admin; who is one already stays it",
        Some("NewAdmin"),
        (201, "admins"),
    ),
    action(
        "/api/v1/admins/customer/{customer}/",
        "admins_of_customer_create",
        "customer",
        "Somebody becomes an admin; who is one already stays it",
        Some("NewAdmin"),
        (201, "admins"),
    ),
    below("/api/v1/admins/reseller/{reseller}/admin/{admin}/", "admin_of_reseller", "reseller", "admins"),
    below("/api/v1/admins/customer/{customer}/admin/{admin}/", "admin_of_customer", "customer", "admins"),
    Operation {
        path: "/api/v1/admins/reseller/{reseller}/admin/{admin}/",
        method: "delete",
        id: "admin_of_reseller_delete",
        resource: "reseller",
        summary: "Somebody is no admin any more",
        query: &[],
        body: None,
        success: (204, ""),
    },
    Operation {
        path: "/api/v1/admins/customer/{customer}/admin/{admin}/",
        method: "delete",
        id: "admin_of_customer_delete",
        resource: "customer",
        summary: "Somebody is no admin any more",
        query: &[],
        body: None,
        success: (204, ""),
    },
    action(
        "/api/v1/admins/reseller/{reseller}/admin/{admin}/regenerate_api_key/",
        "admin_of_reseller_regenerate_api_key",
        "reseller",
        "A new key of the admin, in place of the former one; told once",
        None,
        (202, "Key"),
    ),
    action(
        "/api/v1/admins/customer/{customer}/admin/{admin}/regenerate_api_key/",
        "admin_of_customer_regenerate_api_key",
        "customer",
        "A new key of the admin, in place of the former one; told once",
        None,
        (202, "Key"),
    ),
    below("/api/v1/memberships/", "memberships", "memberships", "List"),
    action(
        "/api/v1/memberships/{id}/accept/",
        "memberships_accept",
        "memberships",
        "The caller's own login takes a membership that another tenant offers; keys that it has do no more by it",
        None,
        (202, ""),
    ),
    action(
        "/api/v1/memberships/{id}/decline/",
        "memberships_decline",
        "memberships",
        "The caller's own login declines a membership, or gives it back",
        None,
        (204, ""),
    ),
    Operation {
        path: "/api/v1/wblist/mass_delete/",
        method: "delete",
        id: "wblist_mass_delete",
        resource: "wblist",
        summary: "Many rules go at once",
        query: &[("id__in", true)],
        body: None,
        success: (204, ""),
    },
    Operation {
        path: "/api/v1/ldapsync/remote_data/",
        method: "post",
        id: "ldapsync_remote_data",
        resource: "domain",
        summary: "The full state of a domain: what is missing goes, what is new comes",
        query: &[("domain", true), ("test_run", false), ("push", false), ("part", false), ("parts", false)],
        body: Some("Push"),
        success: (200, "Anything"),
    },
    action(
        "/api/v1/command/",
        "command",
        "command",
        "A command of `doorlist --server`: the same request as on the machine itself",
        Some("Anything"),
        (200, "Anything"),
    ),
];
