//! The memory that the system lets the process have, as control groups say it.

use std::path::{Path, PathBuf};

/// The lowest bound in bytes of the process's own group and those above it; `None` where there is
/// none, or no control groups.
pub fn memory_limit() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    lowest(&groups, Path::new("/sys/fs/cgroup"))
}

/// `groups` is the text of `/proc/PID/cgroup`, `root` where the groups are mounted.
fn lowest(groups: &str, root: &Path) -> Option<u64> {
    groups
        .lines()
        .filter_map(|line| {
            // `ID:CONTROLLERS:PATH`; version 2 has the ID 0 and no controllers (cgroups(7)).
            let (_, line) = line.split_once(':')?;
            let (controllers, path) = line.split_once(':')?;
            let (base, file) = if controllers.is_empty() {
                (root.to_owned(), "memory.max")
            } else if controllers.split(',').any(|controller| controller == "memory") {
                (root.join("memory"), "memory.limit_in_bytes")
            } else {
                return None;
            };
            lowest_above(&base, path, file)
        })
        .min()
}

/// A container may see its own group as the root, whatever its path is called.
fn lowest_above(base: &Path, path: &str, file: &str) -> Option<u64> {
    let own: PathBuf = base.join(path.trim_start_matches('/'));
    own.ancestors()
        .take_while(|group| group.starts_with(base))
        .filter_map(|group| std::fs::read_to_string(group.join(file)).ok())
        // "max" in version 2, and a number beyond any memory in version 1, are no bound.
        .filter_map(|text| text.trim().parse().ok())
        .filter(|bytes| *bytes < u64::MAX / 4)
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, file: &str, text: &str) {
        let file = root.join(file);
        std::fs::create_dir_all(file.parent().expect("a directory")).expect("made");
        std::fs::write(file, text).expect("written");
    }

    #[test]
    fn the_lowest_bound_counts() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        assert_eq!(lowest("0::/\n", root), None);
        write(root, "a/b/memory.max", "max\n");
        write(root, "a/memory.max", "1000\n");
        assert_eq!(lowest("0::/a/b\n", root), Some(1000));
        assert_eq!(lowest("0::/not/mounted\n", root), None);
        write(root, "memory.max", "500\n");
        assert_eq!(lowest("0::/not/mounted\n", root), Some(500));
        write(root, "memory/memory.limit_in_bytes", "9223372036854771712\n");
        write(root, "memory/x/memory.limit_in_bytes", "400\n");
        assert_eq!(lowest("3:cpu,memory:/x\n2:cpu:/a\n", root), Some(400));
        assert_eq!(lowest("3:memory:/\n", root), None);
        assert_eq!(lowest("3:memory:/x\n0::/a/b\n", root), Some(400));
    }
}
