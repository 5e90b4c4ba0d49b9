//! The simulated disk itself.

use super::*;

fn file(disk: &SimulatedDisk) -> Box<dyn DiskFile> {
    disk.create_dir(Path::new("/d")).unwrap();
    disk.open(Path::new("/d/f"), Mode::Create).unwrap()
}

#[test]
fn what_was_synced_survives_every_power_loss() {
    let disk = SimulatedDisk::new();
    let f = file(&disk);
    f.write_all_at(&[7; 1500], 0).unwrap();
    f.sync_data().unwrap();
    disk.sync_dir(Path::new("/d")).unwrap();
    f.write_all_at(&[8; 1500], 1500).unwrap();
    let mut lengths = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let after = disk
            .after_power_loss(seed)
            .octets(Path::new("/d/f"))
            .unwrap();
        assert_eq!(after[..1500], [7; 1500]);
        assert!(after[1500..].iter().all(|octet| [0, 8].contains(octet)));
        lengths.insert(after.len());
    }
    assert!(lengths.contains(&1500) && lengths.contains(&3000) && lengths.len() > 10);
}

#[test]
fn a_name_that_was_not_synced_may_be_gone_and_then_stays_gone() {
    let disk = SimulatedDisk::new();
    file(&disk).sync_data().unwrap();
    let there = |seed| {
        let after = disk.after_power_loss(seed);
        after.octets(Path::new("/d/f")).is_some()
    };
    assert!((0..50).any(there) && !(0..50).all(there));
    disk.sync_dir(Path::new("/d")).unwrap();
    let after = disk.after_power_loss(1);
    assert!(after.octets(Path::new("/d/f")).is_some());
}

#[test]
fn a_failed_sync_is_not_made_good_by_the_next() {
    let lost = (0..50).any(|_| {
        let disk = SimulatedDisk::new();
        let f = file(&disk);
        disk.sync_dir(Path::new("/d")).unwrap();
        f.write_all_at(&[1; 4096], 0).unwrap();
        disk.fault_at(disk.operations(), Fault::InputOutput);
        assert!(f.sync_data().is_err());
        f.sync_data().unwrap();
        let after = disk.after_power_loss(0).octets(Path::new("/d/f")).unwrap();
        after != [1; 4096]
    });
    assert!(lost);
}

#[test]
fn a_full_disk_takes_what_fits() {
    let disk = SimulatedDisk::new();
    let f = file(&disk);
    disk.set_capacity(100);
    let error = f.write_all_at(&[1; 150], 0).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(f.len().unwrap(), 100);
    disk.unlimit();
    f.write_all_at(&[1; 150], 0).unwrap();
    assert_eq!(f.len().unwrap(), 150);
}

#[test]
fn nothing_works_without_power() {
    let disk = SimulatedDisk::new();
    let f = file(&disk);
    disk.fault_at(disk.operations(), Fault::PowerLoss);
    assert!(f.write_all_at(b"x", 0).is_err());
    assert!(f.sync_data().is_err());
    assert!(disk.rename(Path::new("/d/f"), Path::new("/d/g")).is_err());
}
