//! Records a dozen real programs, on inputs that they make themselves: `glebe bench traces --make`.
//!
//! Each job is a shell script that becomes the program at its end. What the script starts before
//! that, such as a preprocessor, is another process and not recorded.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};

use super::ENDING;

/// Names of recordings, and how they are made.
const JOBS: [(&str, &str); 12] = [
    (
        "awk",
        r#"exec awk 'BEGIN { for (i = 0; i < 200000; i++) { k = "key" i % 5000; n[k] = n[k] i % 7;
        if (length(n[k]) > 40) n[k] = substr(n[k], 20) } for (k in n) t = t length(n[k]);
        print length(t) }'"#,
    ),
    (
        "bash",
        r#"exec bash -c 'for ((i = 0; i < 20000; i++)); do
        name[i % 500]="value $i ${name[i % 99]:0:9}";
        case ${name[i % 500]} in *7*) last=${name[i % 500]//7/seven} ;; esac; done; echo "$last"'"#,
    ),
    (
        "gcc",
        r#"for i in $(seq 300); do echo "struct s$i { int a[$i]; long b; };
        long f$i(struct s$i *p) { long t = 0; for (int i = 0; i < $i; i++) t += p->a[i] * p->b;
        return t; }"; done > x.c
        exec "$(gcc -print-prog-name=cc1)" -quiet -O1 x.c -o x.s"#,
    ),
    (
        "g++",
        r#"printf '#include <%s>\n' map string vector algorithm iostream > x.cc
        echo 'int main() { std::map<std::string, std::vector<int>> m; std::string line;
        while (std::getline(std::cin, line)) m[line].push_back(1);
        for (auto &[k, v] : m) { std::sort(v.begin(), v.end()); std::cout << k << v.size(); }
        }' >> x.cc
        g++ -std=c++17 -E x.cc -o x.ii
        exec "$(g++ -print-prog-name=cc1plus)" -quiet -std=c++17 -fpreprocessed -O1 x.ii -o x.s"#,
    ),
    (
        "git-import",
        r#"git init -q tree && cd tree && for i in $(seq 400); do
        printf 'commit refs/heads/main\ncommitter A <a@b> %d +0000\ndata 2\nc\n' "$i"
        printf 'M 644 inline d%d/f%d\ndata <<END\nline %d\nEND\n\n' $((i % 9)) $((i % 50)) "$i"
        done > ../stream && exec git fast-import --quiet < ../stream"#,
    ),
    (
        "git-log",
        r#"git init -q tree && cd tree && for i in $(seq 300); do
        printf 'commit refs/heads/main\ncommitter A <a@b> %d +0000\ndata 2\nc\n' "$i"
        printf 'M 644 inline d%d/f%d\ndata <<END\nline %d\nEND\n\n' $((i % 9)) $((i % 50)) "$i"
        done | git fast-import --quiet && exec git --no-pager log --stat -p main"#,
    ),
    (
        "node",
        r#"exec node -e 'let m = new Map(); for (let i = 0; i < 200000; i++)
        m.set("k" + i % 9999, Buffer.from("v" + i)); console.log(JSON.stringify([...m]).length)'"#,
    ),
    (
        "perl",
        r#"exec perl -e 'for my $i (1 .. 100000) { my $k = "key" . $i % 3000;
        push @{$h{$k}}, "value $i" x ($i % 5); @{$h{$k}} = () if @{$h{$k}} > 20; }
        print scalar(map { join ",", sort @$_ } values %h), "\n"'"#,
    ),
    (
        "python",
        r#"exec python3 -c 'import json, re
d = {str(i): [i, str(i) * (i % 9), {"x": i / 3}] for i in range(40000)}
e = json.loads(json.dumps(d)); print(len(re.findall("9+", repr(e))))'"#,
    ),
    (
        "python-malloc",
        r#"export PYTHONMALLOC=malloc; exec python3 -c 'import ast
t = "\n".join(f"def f{i}(a, b): return [a * {i} + b, {{a: b}}]" for i in range(2000))
print(sum(1 for _ in ast.walk(ast.parse(t)))); compile(t, "t", "exec")'"#,
    ),
    (
        "python-threads",
        r#"export PYTHONMALLOC=malloc; exec python3 -c 'import queue, threading
q, n = queue.Queue(50), []
def work():
    while (item := q.get()) is not None:
        n.append(sum(map(len, item)))
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for i in range(4000): q.put([str(j) * (i % 40) for j in range(30)])
for thread in threads: q.put(None)
for thread in threads: thread.join()
print(sum(n))'"#,
    ),
    (
        "sqlite",
        r#"exec sqlite3 :memory: 'create table t (a integer primary key, b text, c real);
        create index i on t (b);
        with recursive n (x) as (select 1 union all select x + 1 from n where x < 30000)
        insert into t select x, hex(x * 7919 % 65536), x / 3.0 from n;
        select count (*), sum (length (b)) from t join t u using (b) where t.c > 9;
        delete from t where a % 3 = 0; select b, group_concat (a) from t group by b;'"#,
    ),
];

/// Records all, and says which cannot be recorded here.
pub fn run(folder: &Path) -> Result<ExitCode> {
    let cannot = || format!("cannot make recordings in {}", folder.display());
    fs::create_dir_all(folder).with_context(cannot)?;
    let folder = folder.canonicalize().with_context(cannot)?;
    let mut missing = 0;
    for (name, script) in JOBS {
        let file = folder.join(format!("{name}.{ENDING}"));
        if record(script, &file).with_context(cannot)? {
            println!("{} {}", fs::metadata(&file)?.len(), file.display());
        } else {
            eprintln!("glebe bench: {name} was not recorded: is the program installed?");
            missing += 1;
        }
    }
    Ok(ExitCode::from(u8::from(missing > 0)))
}

/// Records a job in a folder of its own, on the C library's allocator; whether it went well.
fn record(script: &str, file: &Path) -> Result<bool> {
    let place = tempfile::tempdir()?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["run", "--library", "none", "--trace"])
        .arg(file);
    command.args(["--", "sh", "-c", script]).current_dir(&place);
    // Inputs and outputs must not depend on who records.
    command.env("HOME", place.path()).env("LC_ALL", "C");
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()?;
    Ok(status.success())
}
