//! Rows of text in aligned columns.

/// A table: the first column stands left, the others right.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with one row of heads.
    pub fn new(heads: &[&str]) -> Self {
        let mut table = Self::default();
        table.row(heads.iter().copied());
        table
    }

    /// Adds a row; missing cells are empty.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The lines, heads first, each indented by two and without spaces at its end.
    pub fn lines(&self) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        self.rows.iter().map(|row| line(row, &widths)).collect()
    }
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut line = String::from(" ");
    for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
        let gap = " ".repeat(width.saturating_sub(cell.chars().count()));
        match column {
            0 => line.push_str(&format!(" {cell}{gap}")),
            _ => line.push_str(&format!("  {gap}{cell}")),
        }
    }
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["", "before", "after"]);
        table.row(["Mean@8", "0.599", "0.812"]);
        table.row(["länger als 9", "7"]);
        assert_eq!(table.lines(), ["                before  after", "  Mean@8         0.599  0.812", "  länger als 9       7"]);
        assert!(Table::default().lines().is_empty());
    }
}
