//! plain_list
