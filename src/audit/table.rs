//! Decisions as a Parquet table: a row each, flat columns for what is looked for, the whole record as JSON in the last.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::error::LogError;
use super::reader::Record;

/// Rows of one row group.
const GROUP: usize = 100_000;

const TEXTS: [(&str, &str); 14] = [
    ("id", "/id"),
    ("user", "/who/user"),
    ("harness", "/who/harness"),
    ("session", "/who/session"),
    ("tool", "/what/tool"),
    ("kept", "/what/kept"),
    ("verdict", "/decision/verdict"),
    ("source", "/decision/source"),
    ("zone", "/decision/zone"),
    ("reason", "/decision/reasons/0/code"),
    ("model", "/decision/model"),
    ("policy", "/decision/policy"),
    ("reply_id", "/review/reply_id"),
    ("hash", "/hash"),
];

const NUMBERS: [(&str, &str); 8] = [
    ("risk_allow", "/decision/assessment/risk/allow"),
    ("risk_ask", "/decision/assessment/risk/ask"),
    ("risk_deny", "/decision/assessment/risk/deny"),
    ("injection", "/decision/assessment/injection"),
    ("allow_below", "/thresholds/allow_below"),
    ("deny_above", "/thresholds/deny_above"),
    ("total_us", "/total_us"),
    ("review_us", "/review/us"),
];

/// Writes a table.
pub fn write_parquet(records: &[Record], output: impl Write + Send) -> Result<(), LogError> {
    write(records, output).map_err(|error| LogError::Export(error.to_string()))
}

fn write(records: &[Record], output: impl Write + Send) -> Result<(), ParquetError> {
    let schema = Arc::new(parse_message_type(&schema())?);
    let properties = Arc::new(WriterProperties::builder().set_compression(Compression::SNAPPY).build());
    let mut writer = SerializedFileWriter::new(output, schema, properties)?;
    for rows in records.chunks(GROUP) {
        let mut group = writer.next_row_group()?;
        write_group(rows, &mut group)?;
        group.close()?;
    }
    writer.close().map(drop)
}

/// In the order in which [`write_group`] writes.
fn schema() -> String {
    let texts = TEXTS.iter().map(|(name, _)| format!("OPTIONAL BYTE_ARRAY {name} (UTF8);"));
    let numbers = NUMBERS.iter().map(|(name, _)| format!("OPTIONAL DOUBLE {name};"));
    let columns: String = texts.chain(numbers).collect();
    format!(
        "message decisions {{ REQUIRED INT64 seq; REQUIRED INT64 time (TIMESTAMP(MICROS, true)); {columns} \
         REQUIRED BYTE_ARRAY facts (UTF8); REQUIRED BYTE_ARRAY effects (UTF8); REQUIRED BYTE_ARRAY action (UTF8); \
         REQUIRED BYTE_ARRAY record (UTF8); }}"
    )
}

fn write_group(
    rows: &[Record],
    group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
) -> Result<(), ParquetError> {
    let whole = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let time = |row: &Record| row.text("/time").parse::<jiff::Timestamp>().map_or(0, |time| time.as_microsecond());
    integers(group, rows.iter().map(|row| whole(row.number("/seq"))).collect())?;
    integers(group, rows.iter().map(time).collect())?;
    for (_, pointer) in TEXTS {
        let text = |row: &Record| {
            Some(row.text(pointer))
                .filter(|text| !text.is_empty())
                .map(|text| ByteArray::from(text.as_bytes().to_vec()))
        };
        optional::<ByteArrayType>(group, rows.iter().map(text).collect())?;
    }
    for (_, pointer) in NUMBERS {
        optional::<DoubleType>(group, rows.iter().map(|row| row.float(pointer)).collect())?;
    }
    strings(group, rows.iter().map(|row| row.list("/facts").collect::<Vec<_>>().join(", ")))?;
    strings(group, rows.iter().map(|row| row.effects().collect::<Vec<_>>().join(", ")))?;
    strings(group, rows.iter().map(Record::subject))?;
    strings(group, rows.iter().map(|row| row.json.to_string()))
}

type Group<'a, W> = SerializedRowGroupWriter<'a, W>;

fn integers<W: Write + Send>(group: &mut Group<'_, W>, values: Vec<i64>) -> Result<(), ParquetError> {
    column::<Int64Type, W>(group, &values, None)
}

fn strings<W: Write + Send>(
    group: &mut Group<'_, W>,
    values: impl Iterator<Item = String>,
) -> Result<(), ParquetError> {
    let values: Vec<ByteArray> = values.map(|text| ByteArray::from(text.into_bytes())).collect();
    column::<ByteArrayType, W>(group, &values, None)
}

fn optional<T: parquet::data_type::DataType>(
    group: &mut Group<'_, impl Write + Send>,
    values: Vec<Option<T::T>>,
) -> Result<(), ParquetError> {
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = values.into_iter().flatten().collect();
    column::<T, _>(group, &values, Some(&levels))
}

fn column<T: parquet::data_type::DataType, W: Write + Send>(
    group: &mut Group<'_, W>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("the schema has fewer columns than are written".to_owned()));
    };
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::RowAccessor as _;
    use serde_json::json;

    #[test]
    fn a_table_is_read_as_it_was_written() {
        let record = |seq: u64| Record {
            json: json!({"seq": seq, "time": "2026-01-02T03:04:05.000006Z", "id": format!("id-{seq}"), "facts": ["read home", "send"],
                         "what": {"tool": "Bash"}, "decision": {"verdict": "ask", "assessment": {"risk": {"deny": 0.25}}}}),
            is_sound: true,
        };
        let mut file = tempfile::tempfile().unwrap();
        write_parquet(&[record(1), record(2)], &mut file).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[1].get_long(0).unwrap(), rows[1].get_string(2).unwrap().as_str()), (2, "id-2"));
        let first = &rows[0];
        assert_eq!((first.get_string(6).unwrap().as_str(), first.get_double(18).unwrap()), ("Bash", 0.25));
        assert_eq!(first.get_string(24).unwrap(), "read home, send");
        assert!(first.get_string(4).is_err(), "there is no harness");
    }
}
