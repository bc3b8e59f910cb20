//! Which nodes of a ratchet tree are blank, and what follows for a commit: counted from RFC 9420 alone, so
//! that the floor owes nothing to the engine that it is a floor for.

use std::collections::BTreeSet;

/// A tree's leaves, blanks and unmerged leaves. Nodes have RFC 9420's array indices (Appendix C).
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    height: u32,
    leaves: Vec<bool>,
    /// For each parent that is not blank, its unmerged leaves; at even indices nothing.
    parents: Vec<Option<BTreeSet<u32>>>,
}

/// A node's place: its level and its number at that level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place(u32, u32);

impl Place {
    fn index(self) -> usize {
        let Self(level, number) = self;
        ((1_usize << level) - 1) + ((number as usize) << (level + 1))
    }

    fn covers(self, leaf: u32) -> bool {
        leaf >> self.0 == self.1
    }
}

impl Shape {
    /// `members` leaves from the left under blank parents.
    pub(crate) fn sparse(members: u32) -> Self {
        let height = members.next_power_of_two().ilog2();
        let places = 1_usize << height;
        let leaves = (0..places).map(|leaf| leaf < members as usize).collect();
        let parents = vec![None; 2 * places - 1];
        Self {
            height,
            leaves,
            parents,
        }
    }

    /// The same after every member has committed once.
    pub(crate) fn steady(members: u32) -> Self {
        let mut shape = Self::sparse(members);
        for level in 1..=shape.height {
            for number in 0..1 << (shape.height - level) {
                let right = Place(level - 1, 2 * number + 1);
                if shape.has_members(right) {
                    shape.parents[Place(level, number).index()] = Some(BTreeSet::new());
                }
            }
        }
        shape
    }

    pub(crate) fn height(&self) -> usize {
        self.height as usize
    }

    pub(crate) fn members(&self) -> usize {
        self.leaves.iter().filter(|leaf| **leaf).count()
    }

    /// Where the members are.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = u32> {
        (0..)
            .zip(&self.leaves)
            .filter(|(_, leaf)| **leaf)
            .map(|(place, _)| place)
    }

    /// Parents that are not blank.
    pub(crate) fn parents(&self) -> usize {
        self.parents.iter().flatten().count()
    }

    /// All parents, blank or not.
    pub(crate) fn places_of_parents(&self) -> usize {
        self.leaves.len() - 1
    }

    fn has_members(&self, Place(level, number): Place) -> bool {
        let first = (number as usize) << level;
        self.leaves[first..first + (1 << level)].contains(&true)
    }

    /// The filtered direct path of a leaf, as pairs of a node and its child on the copath (§4.1.2).
    fn path(&self, leaf: u32) -> Vec<(Place, Place)> {
        let levels = 1..=self.height;
        let steps = levels.map(|level| {
            let copath = Place(level - 1, (leaf >> (level - 1)) ^ 1);
            (Place(level, leaf >> level), copath)
        });
        steps
            .filter(|(_, copath)| self.has_members(*copath))
            .collect()
    }

    /// Nodes of a leaf's filtered direct path.
    pub(crate) fn path_length(&self, leaf: u32) -> usize {
        self.path(leaf).len()
    }

    /// Nodes of the path by `committer` whose keys `receiver` derives (§7.6).
    pub(crate) fn derived(&self, committer: u32, receiver: u32) -> usize {
        let path = self.path(committer);
        path.iter()
            .filter(|(node, _)| node.covers(receiver))
            .count()
    }

    /// Seals of a path by `committer` that goes with adding `added` (§7.6).
    pub(crate) fn seals(&self, committer: u32, added: &[u32]) -> usize {
        let path = self.path(committer).into_iter();
        path.map(|(_, copath)| self.resolution(copath, added)).sum()
    }

    fn resolution(&self, place: Place, added: &[u32]) -> usize {
        let Place(level, number) = place;
        if level == 0 {
            return usize::from(self.leaves[number as usize] && !added.contains(&number));
        }
        if let Some(unmerged) = &self.parents[place.index()] {
            return 1 + unmerged.iter().filter(|leaf| !added.contains(leaf)).count();
        }
        if !self.has_members(place) {
            return 0;
        }
        let [left, right] = [0, 1].map(|side| Place(level - 1, 2 * number + side));
        self.resolution(left, added) + self.resolution(right, added)
    }

    /// Adds a member at the leftmost blank leaf (§12.1.1).
    pub(crate) fn add(&mut self) -> u32 {
        let blank = self.leaves.iter().position(|leaf| !leaf);
        let place = blank.unwrap_or_else(|| {
            self.double();
            self.leaves.len() / 2
        });
        self.leaves[place] = true;
        let place = u32::try_from(place).expect("trees here are small");
        for level in 1..=self.height {
            if let Some(unmerged) = &mut self.parents[Place(level, place >> level).index()] {
                unmerged.insert(place);
            }
        }
        place
    }

    fn double(&mut self) {
        self.height += 1;
        let places = 1_usize << self.height;
        self.leaves.resize(places, false);
        self.parents.resize(2 * places - 1, None);
    }

    /// Blanks a member's leaf and direct path (§12.1.3).
    pub(crate) fn remove(&mut self, leaf: u32) {
        self.leaves[leaf as usize] = false;
        for level in 1..=self.height {
            self.parents[Place(level, leaf >> level).index()] = None;
        }
        // The right half goes while it is blank (§7.7).
        while self.height > 0 && !self.has_members(Place(self.height - 1, 1)) {
            self.height -= 1;
            self.leaves.truncate(1 << self.height);
            self.parents.truncate(2 * self.leaves.len() - 1);
        }
    }

    /// Renews the path of a member (§7.5).
    pub(crate) fn renew(&mut self, leaf: u32) {
        for level in 1..=self.height {
            self.parents[Place(level, leaf >> level).index()] = None;
        }
        for (node, _) in self.path(leaf) {
            self.parents[node.index()] = Some(BTreeSet::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_path_is_sealed_once_per_level() {
        let shape = Shape::steady(8);
        assert_eq!((shape.path_length(0), shape.seals(0, &[])), (3, 3));
        assert_eq!(shape.parents(), 7);
        assert_eq!((shape.derived(0, 4), shape.derived(0, 1)), (1, 3));
        // Whatever is empty on the right costs nothing.
        assert_eq!(Shape::steady(50_000).seals(0, &[]), 16);
    }

    #[test]
    fn a_path_over_blanks_is_sealed_to_each_leaf() {
        let mut shape = Shape::sparse(1000);
        assert_eq!(shape.seals(0, &[]), 999);
        shape.renew(0);
        assert_eq!(shape.parents(), 10);
        // The first leaf's path helps nobody whose copath avoids it.
        assert_eq!(shape.seals(1, &[]), 999);
        // One for the left half, and one for each other leaf of the right.
        assert_eq!(shape.seals(999, &[]), 1 + 487);
    }

    #[test]
    fn what_is_added_is_unmerged_and_what_is_removed_leaves_blanks() {
        let mut shape = Shape::steady(7);
        let added = shape.add();
        assert_eq!(added, 7);
        assert_eq!(shape.seals(0, &[added]), 3);
        assert_eq!(shape.seals(0, &[]), 4);
        shape.remove(added);
        // Leaf 6, and the parent of 4 and 5, in place of the half's top.
        assert_eq!(shape.seals(0, &[]), 4);
        let mut full = Shape::steady(4);
        assert_eq!((full.add(), full.height()), (4, 3));
        full.remove(4);
        assert_eq!(full.height(), 2);
    }
}
