//! The proving ground: real peers that tests talk to, started on loopback in folders of their own, ended by pid when
//! dropped. Only tests depend on it; it knows nothing of Doorlist's code.
