use curt_verify::math::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    for x in &a[1..3] {
        println!("{:?}", read(x, &ReadOptions::default()));
    }
    println!("{:?}", equivalent(&a[1], &a[2], &Options { identity: a.len() < 4, ..Options::default() }));
}
