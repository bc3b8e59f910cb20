//! SQLite's errors, sorted by what an operator can do about them.

use rusqlite::ErrorCode;

use crate::provider::StoreError;

pub(super) fn sql_error(error: &rusqlite::Error) -> StoreError {
    use rusqlite::Error as Sql;
    match error {
        Sql::SqliteFailure(code, _) => match code.code {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                StoreError::Damaged(error.to_string())
            }
            ErrorCode::DiskFull | ErrorCode::TooBig | ErrorCode::OutOfMemory => StoreError::Full,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy,
            _ => StoreError::Failed(error.to_string()),
        },
        Sql::FromSqlConversionFailure(..)
        | Sql::IntegralValueOutOfRange(..)
        | Sql::InvalidColumnType(..)
        | Sql::QueryReturnedNoRows => StoreError::Damaged(error.to_string()),
        _ => StoreError::Failed(error.to_string()),
    }
}
