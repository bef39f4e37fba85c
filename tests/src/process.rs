//! Whether a process has ended.

use std::path::Path;

/// Whether no process of this number lives. One that has ended and that its parent has not asked for (a zombie) is
/// not alive; where the first process asks for nobody, as in many containers, it stays for ever, and a signal to it
/// succeeds.
pub fn ended(pid: &str) -> bool {
    let Ok(stat) = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")) else {
        return true;
    };
    // Behind the name, which may contain anything and ends with the last parenthesis.
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    matches!(state, Some('Z' | 'X' | 'x'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zombie_has_ended() {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let pid = child.id().to_string();
        assert!(!ended(&pid));
        child.kill().unwrap();
        // Until it is waited for it has a number and can be signalled.
        while !ended(&pid) {
            std::thread::yield_now();
        }
        assert!(Path::new("/proc").join(&pid).exists());
        child.wait().unwrap();
        assert!(ended(&pid));
    }
}
