//! What the assembler says a kernel takes.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use crate::results::page;

/// What one kernel takes on one device.
#[derive(Debug, PartialEq)]
pub struct Resources {
    pub module: String,
    pub kernel: String,
    pub device: String,
    /// Threads of a block, at most.
    pub threads: u32,
    pub registers: u32,
    /// Bytes of shared memory.
    pub shared: u32,
    /// Bytes of local memory: stack, spilled stores and loads.
    pub local: u32,
}

impl Resources {
    /// All kernels of a module, from the assembler's messages and the PTX, which has the threads.
    pub fn read(module: &str, device: &str, log: &str, ptx: &str) -> Result<Vec<Self>> {
        let threads = threads(ptx)?;
        let mut found = Vec::new();
        let mut name = "";
        let mut local = 0;
        for line in log.lines() {
            if let Some((_, rest)) = line.split_once("Compiling entry function '") {
                (name, local) = (rest.split('\'').next().unwrap_or_default(), 0);
            } else if line.contains("bytes stack frame") {
                local = ["bytes stack frame", "bytes spill stores", "bytes spill loads"]
                    .iter()
                    .map(|what| number_before(line, what).with_context(|| format!("{device}: {line}")))
                    .sum::<Result<u32>>()?;
            } else if let Some(registers) = number_before(line, "registers") {
                let shared = number_before(line, "bytes smem").unwrap_or(0);
                let threads = *threads.get(name).with_context(|| format!("{name} has no .maxntid in its PTX"))?;
                let (module, kernel, device) = (module.to_owned(), name.to_owned(), device.to_owned());
                found.push(Self { module, kernel, device, threads, registers, shared, local });
            }
        }
        ensure!(found.len() == threads.len(), "{module} for {device}: {} of {} kernels in the log", found.len(), threads.len());
        found.sort_by(|a, b| a.kernel.cmp(&b.kernel));
        Ok(found)
    }

    /// Why no device should run this kernel, if so.
    pub fn complaint(&self, registers: u32) -> Option<String> {
        let Self { kernel, device, local, threads, .. } = self;
        if *local > 0 {
            return Some(format!("{kernel} for {device}: {local} bytes of local memory"));
        }
        let wanted = self.registers * threads;
        (wanted > registers).then(|| format!("{kernel} for {device}: {wanted} registers for {threads} threads"))
    }
}

/// The threads of each kernel, as the PTX bounds them.
fn threads(ptx: &str) -> Result<BTreeMap<&str, u32>> {
    let entry = |entry| -> Result<(_, u32)> {
        let (name, rest): (&str, &str) = str::split_once(entry, '(').context("an entry without parameters")?;
        let (head, _) = rest.split_once('{').context("an entry without body")?;
        let (_, bound) = head.split_once(".maxntid").with_context(|| format!("{name} has no .maxntid"))?;
        let count = bound.split([',', '\n']).next().unwrap_or_default().trim();
        Ok((name.trim(), count.parse().with_context(|| format!("{name}: .maxntid {count}"))?))
    };
    ptx.split(".entry ").skip(1).map(entry).collect()
}

/// The number that stands before these words.
fn number_before(line: &str, words: &str) -> Option<u32> {
    let (before, _) = line.split_once(words)?;
    before.split_whitespace().last()?.parse().ok()
}

/// All kernels as a table, a row per kernel, the devices side by side.
pub fn table(resources: &[Resources], version: &str) -> String {
    let mut rows: BTreeMap<(&str, &str), Vec<&Resources>> = BTreeMap::new();
    for kernel in resources {
        rows.entry((&kernel.module, &kernel.kernel)).or_default().push(kernel);
    }
    let mut heads = vec!["kernel".to_owned(), "threads".to_owned()];
    if let Some(devices) = rows.values().next() {
        heads.extend(devices.iter().map(|kernel| format!("registers, {}", kernel.device)));
    }
    heads.push("shared bytes".to_owned());
    let rows: Vec<Vec<String>> = rows
        .values()
        .map(|devices| {
            let registers = devices.iter().map(|kernel| kernel.registers.to_string());
            let first = devices[0];
            let head = [format!("`{}`", first.kernel), first.threads.to_string()];
            head.into_iter().chain(registers).chain([first.shared.to_string()]).collect()
        })
        .collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    format!("{}\n\nNVRTC {version}; no kernel spills a register or uses local memory.", page::table(&heads, &rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PTX: &str = "//\n.visible .entry f(\n\t.param .u64 f_param_0\n)\n.maxntid 128, 1, 1\n{\nret;\n}\n";

    fn log(spills: u32) -> String {
        format!(
            "ptxas info    : Compiling entry function 'f' for 'sm_80'\n\
             ptxas info    : Function properties for f\n\
             ptxas         .     {spills} bytes stack frame, {spills} bytes spill stores, 0 bytes spill loads\n\
             ptxas info    : Used 40 registers, used 1 barriers, 256 bytes smem, 380 bytes cmem[0]\n"
        )
    }

    #[test]
    fn a_log_is_read() {
        let found = Resources::read("m", "sm_80", &log(0), PTX).unwrap();
        let want = Resources {
            module: "m".into(),
            kernel: "f".into(),
            device: "sm_80".into(),
            threads: 128,
            registers: 40,
            shared: 256,
            local: 0,
        };
        assert_eq!(found, [want]);
        assert_eq!(found[0].complaint(65_536), None);
        assert_eq!(found[0].complaint(5119).unwrap(), "f for sm_80: 5120 registers for 128 threads");
        let text = table(&found, "12.8");
        assert!(
            text.starts_with(
                "| kernel | threads | registers, sm_80 | shared bytes |\n|---|---|---|---|\n| `f` | 128 | 40 | 256 |"
            )
        );
    }

    #[test]
    fn spills_are_complained_of() {
        let found = Resources::read("m", "sm_80", &log(4), PTX).unwrap();
        assert_eq!(found[0].complaint(65_536).unwrap(), "f for sm_80: 8 bytes of local memory");
    }

    #[test]
    fn a_log_that_lacks_a_kernel_is_refused() {
        let error = Resources::read("m", "sm_80", "", PTX).unwrap_err().to_string();
        assert_eq!(error, "m for sm_80: 0 of 1 kernels in the log");
    }
}
