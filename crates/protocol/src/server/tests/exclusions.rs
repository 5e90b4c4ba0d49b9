//! What is excluded, and pools that lie around it.

use super::*;

/// Addresses of the link alone, by this pool, with this excluded.
fn pooled(first: &str, last: &str, excluded: LeaseName) -> Config {
    let mut config = config();
    let link = &mut config.links[0];
    let pool = &mut link.pools[0];
    (pool.first, pool.last) = (first.parse().unwrap(), last.parse().unwrap());
    pool.order = Order::Lowest;
    link.exclusions = vec![excluded];
    config
}

fn request(client: u16) -> Vec<u8> {
    message(MessageType::REQUEST, client, |message| {
        to_server(message);
        ia_na(message, 1, &[]);
    })
}

fn release(client: u16, name: LeaseName) -> Vec<u8> {
    message(MessageType::RELEASE, client, |message| {
        to_server(message);
        ia_na(message, 1, &[name]);
    })
}

/// DHCP-S-023: what is excluded after it was leased is leased to no one when that ends, be it by
/// RELEASE or by time.
#[test]
fn what_is_excluded_is_free_to_no_one_when_its_lease_ends() {
    let all = |excluded| pooled("2001:db8:1::10", "2001:db8:1::12", excluded);
    let elsewhere = address("2001:db8:1::ff");
    let mut world = World::new(all(elsewhere));
    let names: Vec<_> = (1..=3)
        .map(|client| world.ask(&request(client)).names()[0])
        .collect();
    world
        .server
        .reconfigure(Arc::new(all(prefix("2001:db8:1::10", 127))));
    let excluded = [names[0], names[1]];
    assert_eq!(
        excluded,
        [address("2001:db8:1::10"), address("2001:db8:1::11")]
    );
    world.ask(&release(1, names[0]));
    world.wait(3000);
    let mut batch = Batch::default();
    let ended = [world.store.binding(LINK, &duid(2)).unwrap().unwrap()];
    let (server, store) = (&mut world.server, &world.store);
    server
        .reclaim(world.now, &ended, store, &mut batch)
        .unwrap();
    let changes = world.server.begin_commit(&mut batch);
    world.store.commit(changes).unwrap();
    world.server.committed(&mut batch);
    assert_eq!(world.ask(&request(7)).names(), [names[2]]);
    let none = world.ask(&request(8));
    assert_eq!(none.statuses, [StatusCode::NO_ADDRS_AVAIL], "{none:?}");
}

/// DHCP-S-023: a pool too large for a bitmap has leases behind what is excluded and what is taken,
/// however much that is, and gives the lowest first.
#[test]
fn a_large_pool_has_leases_behind_what_is_excluded_and_taken() {
    let excluded = prefix("2001:db8:1::", 118);
    let mut world = World::new(pooled("2001:db8:1::", "2001:db8:1:0:ffff::", excluded));
    let names: Vec<_> = (0..600)
        .map(|client| world.ask(&request(client)).names()[0])
        .collect();
    let fits = |name: &LeaseName| {
        let is_excluded = world.server.config.links[0].excludes(*name);
        !is_excluded && matches!(name, LeaseName::Address(_))
    };
    assert!(names.iter().all(fits));
    let lowest: Vec<_> = (0x400..0x404)
        .map(|low| LeaseName::Address(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, low)))
        .collect();
    assert!(
        lowest.iter().all(|name| names.contains(name)),
        "{:?}",
        &names[..16]
    );
    let client = names.iter().position(|name| *name == lowest[1]).unwrap();
    world.ask(&release(client.try_into().unwrap(), lowest[1]));
    assert_eq!(world.ask(&request(999)).names(), [lowest[1]]);
}
