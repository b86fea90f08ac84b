use curt_verify::{
    Verdict,
    math::{equal, *},
};
use serde_json::Value;
fn boxed(s: &str) -> String {
    if let Some(i) = s.rfind("\\boxed{") {
        let mut d = 0;
        let b = &s[i + 6..];
        for (j, c) in b.char_indices() {
            if c == '{' {
                d += 1
            }
            if c == '}' {
                d -= 1;
                if d == 0 {
                    return b[1..j].to_string();
                }
            }
        }
    }
    s.to_string()
}
fn main() {
    let mode = std::env::args().nth(1).unwrap();
    let path = std::env::args().nth(2).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let mut times = vec![];
    if mode == "cases" {
        let mut ok = 0;
        let mut all = 0;
        for l in text.lines() {
            let v: Value = serde_json::from_str(l).unwrap();
            if v["contested"] == true {
                continue;
            }
            let g =
                extract(v["gold"].as_str().unwrap(), &ExtractOptions::default()).map(|f| f.text.into_owned()).unwrap_or_default();
            let pe = extract(v["pred"].as_str().unwrap(), &ExtractOptions { strict: false, last_number: v["opts"].is_object() });
            let p = pe.map(|f| f.text.into_owned()).unwrap_or_default();
            let mut o = Options::default();
            if let Some(x) = v["opts"]["precision"].as_u64() {
                o.precision = Some(x as u32)
            }
            if v["opts"]["strict"] == false {
                o.strict = false
            }
            let t = std::time::Instant::now();
            let j = equivalent(&g, &p, &o);
            times.push((t.elapsed().as_secs_f64(), p.clone()));
            all += 1;
            if (j.verdict == Verdict::Correct) == v["equal"].as_bool().unwrap() {
                ok += 1
            } else {
                println!(
                    "{} want {} got {:?}\n   {:?} ||| {:?}\n   {:?}\n   {:?}",
                    v["id"],
                    v["equal"],
                    j,
                    g.chars().take(200).collect::<String>(),
                    p.chars().rev().take(200).collect::<Vec<_>>().into_iter().rev().collect::<String>(),
                    read(&g, &ReadOptions::default()).map(|e| short(&e)),
                    read(&p, &ReadOptions::default()).map(|e| short(&e))
                );
            }
        }
        println!("{ok}/{all}");
    } else {
        let mut ok = 0;
        let mut all = 0;
        let mut math = 0;
        let mut fails = std::collections::BTreeMap::<String, Vec<String>>::new();
        let o = Options { identity: false, ..Options::default() };
        let mut seen = std::collections::BTreeSet::new();
        for l in text.lines() {
            let v: Value = serde_json::from_str(l).unwrap();
            let g = v["answer"].as_str().unwrap();
            let g = boxed(g);
            all += 1;
            let t = std::time::Instant::now();
            let j = equivalent(&g, &g, &o);
            times.push((t.elapsed().as_secs_f64(), g.clone()));
            let e = read(&g, &ReadOptions::default());
            if !matches!(e, Ok(expression::Expression::Text(_)) | Err(_)) {
                math += 1
            } else if seen.insert(g.clone()) {
                fails.entry("text".into()).or_default().push(g.chars().take(60).collect());
            }
            if j.verdict == Verdict::Correct {
                ok += 1
            } else if seen.insert(g.clone()) {
                fails.entry(format!("{:?}", j.reason)).or_default().push(format!("{g}   {:?}", e.map(|e| short(&e))));
            }
        }
        println!("{path} correct {ok}/{all} math {math}");
        for (k, v) in fails {
            println!("  {k}: {}", v.len());
            for g in v.iter().take(if k == "text" { 12 } else { 12 }) {
                println!("      {}", g.chars().take(300).collect::<String>());
            }
        }
    }
    times.sort_by(|a, b| b.0.total_cmp(&a.0));
    let tot: f64 = times.iter().map(|t| t.0).sum();
    println!("mean {:.1} us, p99.9 {:.1} us; slowest:", tot / times.len() as f64 * 1e6, times[times.len() / 1000].0 * 1e6);
    for t in times.iter().take(5) {
        println!("   {:.0} us {}", t.0 * 1e6, t.1.chars().take(100).collect::<String>())
    }
    let _ = equal::Reason::Equal;
}
fn short(e: &expression::Expression) -> String {
    let s = format!("{e:?}");
    let s = regex_lite(&s);
    s.chars().take(300).collect()
}
fn regex_lite(s: &str) -> String {
    let mut out = String::new();
    let mut rest = s;
    while let Some(i) = rest.find("Number { value: Ratio { numer: ") {
        out += &rest[..i];
        let r = &rest[i + 30..];
        let j = r.find(',').unwrap();
        out += &r[..j];
        let k = r.find("denom: ").unwrap();
        let r2 = &r[k + 7..];
        let m = r2.find(' ').unwrap();
        if &r2[..m] != "1" {
            out.push('/');
            out += &r2[..m];
        }
        let q = r2.find("decimal: ").unwrap();
        let r3 = &r2[q..];
        let z = r3.find('}').unwrap();
        rest = &r3[z + 1..];
    }
    out += rest;
    out
}
