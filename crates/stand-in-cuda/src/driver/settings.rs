//! How strict the driver is, and in which order it works.

use ptx_interpreter::Options;

use super::removal::{self, Removal};

/// Settings of the whole driver.
#[derive(Clone, Debug)]
pub struct Settings {
    pub options: Options,
    /// Of the order in which streams run.
    pub seed: u64,
    /// Reports go to stderr too.
    pub prints_reports: bool,
    /// What a kernel has to do without; an error refuses every module.
    pub removal: Option<Result<Removal, String>>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { options: Options::default(), seed: 0, prints_reports: true, removal: None }
    }
}

/// One of the settings, by the number it has at the C interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Setting {
    ReverseWarps = 0,
    ReverseBlocks = 1,
    CheckRaces = 2,
    CheckUnwritten = 3,
    CheckExited = 4,
    CountTraffic = 5,
    PrintReports = 6,
}

/// All of them with the environment variable that sets each to 0 or 1 when the driver starts.
pub const SETTINGS: [(Setting, &str); 7] = [
    (Setting::ReverseWarps, "STAND_IN_CUDA_REVERSE_WARPS"),
    (Setting::ReverseBlocks, "STAND_IN_CUDA_REVERSE_BLOCKS"),
    (Setting::CheckRaces, "STAND_IN_CUDA_CHECK_RACES"),
    (Setting::CheckUnwritten, "STAND_IN_CUDA_CHECK_UNWRITTEN"),
    (Setting::CheckExited, "STAND_IN_CUDA_CHECK_EXITED"),
    (Setting::CountTraffic, "STAND_IN_CUDA_COUNT_TRAFFIC"),
    (Setting::PrintReports, "STAND_IN_CUDA_PRINT_REPORTS"),
];

impl Settings {
    /// The defaults, changed by environment variables.
    pub fn from_environment() -> Self {
        let mut settings = Settings::default();
        for (setting, variable) in SETTINGS {
            match std::env::var(variable).as_deref() {
                Ok("0") => settings.set(setting, false),
                Ok("1") => settings.set(setting, true),
                Ok(value) => eprintln!("stand-in CUDA driver: {variable}={value} is neither 0 nor 1: ignored"),
                Err(_) => {}
            }
        }
        if let Ok(seed) = std::env::var("STAND_IN_CUDA_SEED") {
            match seed.parse() {
                Ok(seed) => settings.seed = seed,
                Err(_) => eprintln!("stand-in CUDA driver: STAND_IN_CUDA_SEED={seed} is no number: ignored"),
            }
        }
        settings.removal = std::env::var(removal::VARIABLE).ok().map(|value| Removal::parse(&value));
        settings
    }

    pub fn set(&mut self, setting: Setting, value: bool) {
        let options = &mut self.options;
        *match setting {
            Setting::ReverseWarps => &mut options.reverse_warps,
            Setting::ReverseBlocks => &mut options.reverse_blocks,
            Setting::CheckRaces => &mut options.check_races,
            Setting::CheckUnwritten => &mut options.check_unwritten,
            Setting::CheckExited => &mut options.check_exited,
            Setting::CountTraffic => &mut options.count_traffic,
            Setting::PrintReports => &mut self.prints_reports,
        } = value;
    }

    /// The setting with this number.
    pub fn by_number(number: u32) -> Option<Setting> {
        SETTINGS.iter().map(|(setting, _)| *setting).find(|setting| *setting as u32 == number)
    }
}
