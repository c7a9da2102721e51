//! Work that is done at once.

use std::sync::Mutex;
use std::thread;

use anyhow::{Result, anyhow};

/// Does `work` for all items, as many at once as there are processors, and keeps their order.
pub(super) fn in_parallel<I: Sync, T: Send>(
    items: &[I],
    work: impl Fn(&I) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let next = Mutex::new(items.iter().enumerate());
    let done = Mutex::new(Vec::new());
    let at_once = thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some((position, item)) = next.lock().ok().and_then(|mut next| next.next())
                {
                    let result = work(item);
                    if let Ok(mut done) = done.lock() {
                        done.push((position, result));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().map_err(|_| anyhow!("a part of the work panicked"))?;
    done.sort_by_key(|(position, _)| *position);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_at_once_keeps_its_order() {
        let squares = in_parallel(&[1, 2, 3, 4, 5], |number| Ok(number * number)).unwrap();
        assert_eq!(squares, [1, 4, 9, 16, 25]);
        let failed =
            in_parallel(&[1, 0], |number| if *number == 0 { Err(anyhow!("zero")) } else { Ok(()) });
        assert!(failed.is_err());
    }
}
