//! Work on many independent things, such as the leaves of a tree, on all cores.

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Fewer operations with a public key are done sooner than they are handed out.
const WORTHWHILE: usize = 64;
/// Fewer encodings are.
const WORTHWHILE_LIGHT: usize = 1024;

/// Maps in parallel; the first error in the order of the list is the outcome, as one by one.
pub(crate) fn try_map<T: Send, R: Send, E: Send>(
    things: Vec<T>,
    map: impl Fn(T) -> Result<R, E> + Send + Sync,
) -> Result<Vec<R>, E> {
    if things.len() < WORTHWHILE {
        return things.into_iter().map(map).collect();
    }
    // What comes after an error that is known is not begun; what comes before may hold an earlier one.
    let first_error = AtomicUsize::new(usize::MAX);
    let done: Vec<_> = things
        .into_par_iter()
        .enumerate()
        .map(|(place, thing)| {
            if place > first_error.load(Ordering::Relaxed) {
                return None;
            }
            let done = map(thing);
            if done.is_err() {
                first_error.fetch_min(place, Ordering::Relaxed);
            }
            Some(done)
        })
        .collect();
    done.into_iter().flatten().collect()
}

/// Maps in parallel what takes little for each.
pub(crate) fn map_light<T: Send, R: Send>(
    things: Vec<T>,
    map: impl Fn(T) -> R + Send + Sync,
) -> Vec<R> {
    if things.len() < WORTHWHILE_LIGHT {
        return things.into_iter().map(map).collect();
    }
    things.into_par_iter().map(map).collect()
}

/// Does both, at once where there is a core for each.
pub(crate) fn join<A: Send, B: Send>(
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    rayon::join(one, other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_and_the_first_error_are_those_of_one_by_one() {
        for length in [3, 2_000] {
            let list: Vec<u32> = (0..length).collect();
            let doubled = try_map(list.clone(), |one| Ok::<_, u32>(2 * one)).unwrap();
            assert!(doubled.into_iter().eq((0..length).map(|one| 2 * one)));
            let trebled = map_light(list.clone(), |one| 3 * one);
            assert!(trebled.into_iter().eq((0..length).map(|one| 3 * one)));
            let refused = try_map(list, |one| if one < 2 { Ok(one) } else { Err(one) });
            assert_eq!(refused, Err(2));
        }
    }
}
