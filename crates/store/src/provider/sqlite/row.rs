//! Between columns and values.

use folkmoot_protocol::{LengthError, List};
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, Row};
use tls_codec::{DeserializeBytes, Serialize};

/// A column that must hold a number as this program writes them.
pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| FromSqlError::OutOfRange(value).into())
}

/// [`number()`] that may be NULL.
pub(super) fn optional_number(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    let value: Option<i64> = row.get(column)?;
    let convert = |value| u64::try_from(value).map_err(|_| FromSqlError::OutOfRange(value).into());
    value.map(convert).transpose()
}

/// A column of fixed or bounded length.
pub(super) fn bytes<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: for<'a> TryFrom<&'a [u8], Error = LengthError>,
{
    let value = row.get_ref(column)?.as_blob()?;
    T::try_from(value).map_err(invalid)
}

/// A column of a fixed length that has no type of its own.
pub(super) fn array<const N: usize>(row: &Row<'_>, column: usize) -> rusqlite::Result<[u8; N]> {
    row.get_ref(column)?.as_blob()?.try_into().map_err(invalid)
}

/// [`bytes()`] that may be NULL.
pub(super) fn optional_bytes<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>>
where
    T: for<'a> TryFrom<&'a [u8], Error = LengthError>,
{
    let value = row.get_ref(column)?.as_blob_or_null()?;
    value.map(T::try_from).transpose().map_err(invalid)
}

/// A text that parses.
pub(super) fn text<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    row.get_ref(column)?.as_str()?.parse().map_err(invalid)
}

/// [`text()`] that may be NULL.
pub(super) fn optional_text<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let value = row.get_ref(column)?.as_str_or_null()?;
    value.map(str::parse).transpose().map_err(invalid)
}

/// A list in the TLS presentation language.
pub(super) fn list<T, const MAX: usize>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<List<T, MAX>>
where
    T: DeserializeBytes,
{
    let value = row.get_ref(column)?.as_blob()?;
    let items = Vec::<T>::tls_deserialize_exact_bytes(value).map_err(invalid)?;
    items.try_into().map_err(invalid)
}

/// What [`list()`] reads.
pub(super) fn encoded_list<T: Serialize + std::fmt::Debug>(
    list: &[T],
) -> rusqlite::Result<Vec<u8>> {
    list.tls_serialize_detached().map_err(not_storable)
}

/// A number to be written; one beyond all columns cannot be kept.
pub(super) fn column(number: u64) -> rusqlite::Result<i64> {
    i64::try_from(number).map_err(not_storable)
}

/// A number that a column can hold; one beyond all columns matches no row.
pub(super) fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Runs one statement that answers nothing.
pub(super) fn run(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute(params).map(|_| ())
}

fn not_storable<E: std::error::Error + Send + Sync + 'static>(error: E) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

fn invalid<E: std::error::Error + Send + Sync + 'static>(error: E) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, Box::new(error))
}
