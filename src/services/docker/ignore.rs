//! `.dockerignore`: which paths stay out of a build context.
//!
//! Docker's own rules: one pattern a line, `*` and `?` within a name, `**` over any number of names,
//! `[a-z]` classes, `!` takes back in, the last match wins, and a pattern also covers what lies below it.

/// The parsed patterns, in order.
#[derive(Debug, Default, Clone)]
pub(super) struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    keep: bool,
    names: Vec<String>,
}

impl Ignore {
    pub(super) fn parse(text: &str) -> Self {
        let rules = text.trim_start_matches('\u{feff}').lines().filter(|line| !line.starts_with('#')).map(str::trim);
        let rules = rules.filter(|line| !line.is_empty()).filter_map(|line| {
            let (keep, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            let names: Vec<String> =
                pattern.split('/').filter(|name| !name.is_empty() && *name != ".").map(str::to_owned).collect();
            (!names.is_empty()).then_some(Rule { keep, names })
        });
        Self { rules: rules.collect() }
    }

    /// Whether `path` (relative, with `/`) stays out.
    pub(super) fn excludes(&self, path: &str) -> bool {
        let names: Vec<&str> = path.split('/').collect();
        let mut excluded = false;
        for rule in &self.rules {
            // A rule on a directory speaks for everything below it.
            if (1..=names.len()).any(|depth| matches(&rule.names, &names[..depth])) {
                excluded = !rule.keep;
            }
        }
        excluded
    }

    /// Whether something below an excluded directory may be taken back in, so that it has to be walked.
    pub(super) fn keeps_some(&self) -> bool {
        self.rules.iter().any(|rule| rule.keep)
    }
}

fn matches(pattern: &[String], names: &[&str]) -> bool {
    match pattern.split_first() {
        None => names.is_empty(),
        Some((first, rest)) if first == "**" => {
            // At the end of a pattern it stands for one name or more, before others for none or more.
            let least = usize::from(rest.is_empty());
            (least..=names.len()).any(|taken| matches(rest, &names[taken..]))
        }
        Some((first, rest)) => match names.split_first() {
            Some((name, below)) => {
                let (glob, name): (Vec<char>, Vec<char>) = (first.chars().collect(), name.chars().collect());
                name_matches(&glob, &name) && matches(rest, below)
            }
            None => false,
        },
    }
}

fn name_matches(glob: &[char], name: &[char]) -> bool {
    match glob.split_first() {
        None => name.is_empty(),
        Some(('*', rest)) => (0..=name.len()).any(|taken| name_matches(rest, &name[taken..])),
        Some(('?', rest)) => !name.is_empty() && name_matches(rest, &name[1..]),
        Some(('[', rest)) => match (rest.iter().position(|c| *c == ']'), name.split_first()) {
            (Some(end), Some((c, below))) => in_class(&rest[..end], *c) && name_matches(&rest[end + 1..], below),
            _ => false,
        },
        Some(('\\', rest)) if !rest.is_empty() => name.first() == rest.first() && name_matches(&rest[1..], &name[1..]),
        Some((c, rest)) => name.first() == Some(c) && name_matches(rest, &name[1..]),
    }
}

fn in_class(class: &[char], c: char) -> bool {
    let (not, class) = match class.split_first() {
        Some(('^', rest)) => (true, rest),
        _ => (false, class),
    };
    let mut found = false;
    let mut at = 0;
    while at < class.len() {
        if at + 2 < class.len() && class[at + 1] == '-' {
            found |= (class[at]..=class[at + 2]).contains(&c);
            at += 3;
        } else {
            found |= class[at] == c;
            at += 1;
        }
    }
    found != not
}

#[cfg(test)]
mod tests {
    use super::Ignore;

    #[test]
    fn patterns_mean_what_docker_says_they_mean() {
        let ignore = Ignore::parse(
            "# a comment\n.git\n*.log\n**/*.pyc\n/tmp/\nnode_modules/**\ndocs\n!docs/README.md\nv[0-9]\n",
        );
        for out in
            [".git", ".git/config", "a.log", "x.pyc", "deep/er/x.pyc", "tmp/x", "node_modules/a/b", "docs/a.md", "v7"]
        {
            assert!(ignore.excludes(out), "{out} should stay out");
        }
        for kept in ["src/a.log", "docs/README.md", "app.py", "gitlike", "vx", "tmpx"] {
            assert!(!ignore.excludes(kept), "{kept} should go in");
        }
    }
}
