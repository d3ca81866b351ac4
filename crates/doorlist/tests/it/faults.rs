//! What machines do, by the numbers of the list of faults: disks that fail or fill, files that others touched,
//! processes without file descriptors, servers that stop in the middle. Real faults, not simulated ones.

mod backup;
mod disk;
mod files;
mod limits;
mod stop;
