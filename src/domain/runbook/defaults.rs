//! What an input is where a runbook does not give it.

use crate::domain::period::Period;

pub(super) const fn one() -> u8 {
    1
}

pub(super) const fn two() -> usize {
    2
}

pub(super) const fn four() -> usize {
    4
}

pub(super) const fn six() -> usize {
    6
}

pub(super) const fn chunk() -> u64 {
    16
}

pub(super) const fn cpu_target() -> u8 {
    70
}

pub(super) fn cpu() -> String {
    "100m".to_owned()
}

pub(super) fn memory() -> String {
    "256Mi".to_owned()
}

pub(super) fn class() -> String {
    "nginx".to_owned()
}

pub(super) fn ingress_namespace() -> String {
    "nginx-ingress".to_owned()
}

pub(super) fn platform() -> String {
    "linux/amd64".to_owned()
}

pub(super) const fn wait() -> Period {
    Period::seconds(0)
}

pub(super) const fn lag() -> Period {
    Period::seconds(5)
}

/// Half of the time, in percent.
pub(super) const fn half() -> u8 {
    50
}

pub(super) const fn expiry() -> Period {
    Period::seconds(12 * 3600)
}

pub(super) const fn budget() -> Period {
    Period::seconds(10)
}
