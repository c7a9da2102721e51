//! What comes out where something goes wrong.

use switchyard_kube_fake::ServerId;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_restart_of_the_server_loses_nothing() {
    in_paused_time(async {
        let mut world = World::new();
        world.follow();
        world.step(SOON).await.unwrap();
        world.server.with(Store::restart);
        world.put("Service", service("old", "172.20.0.11"));
        assert_eq!(kinds(&world.step(SOON).await.unwrap()), ["service"]);
    });
}

#[test]
fn history_that_is_gone_is_made_good_by_a_list_and_nothing_else_comes_out() {
    in_paused_time(async {
        let mut world = World::new();
        world.follow();
        world.step(SOON).await.unwrap();
        world.server.with(|store| {
            store.advance(1_000);
            store.restart();
            let revision = store.revision();
            store.compact(revision);
        });
        assert!(world.step(MINUTE).await.is_none(), "nothing differs");
        assert!(world.shared.status().values().any(|status| status.lists > 1));
        world.put("EndpointSlice", slice("web", &["10.1.2.99"]));
        assert!(world.step(SOON).await.is_some());
        assert_eq!(world.known()["web"], ["10.1.2.99"]);
    });
}

#[test]
fn a_backup_that_is_restored_is_taken_whole_and_marked() {
    in_paused_time(async {
        let mut world = World::new();
        let backup = world.server.with(|store| store.backup());
        world.put("Service", service("new", "172.20.0.12"));
        world.put("EndpointSlice", slice("web", &["10.1.2.77"]));
        world.follow();
        world.step(SOON).await.unwrap();
        assert_eq!(world.known().len(), 2);
        world.server.with(|store| store.restore(&backup));
        let mut went_back = false;
        let until = Instant::now() + MINUTE;
        while Instant::now() < until {
            let Some(update) = world.step(MINUTE).await else { continue };
            went_back |= update.went_back;
            // Either as it was, or as it was before: never half of it.
            let known = world.known();
            assert!(!known.contains_key("new") && known["web"] == ["10.1.2.21"], "{known:?}");
        }
        assert!(went_back, "{:?}", world.shared.status());
        world.put("EndpointSlice", slice("web", &["10.1.2.88"]));
        assert!(world.step(SOON).await.is_some());
        assert_eq!(world.known()["web"], ["10.1.2.88"]);
    });
}

#[test]
fn a_watch_cache_that_stands_still_is_waited_for() {
    in_paused_time(async {
        let mut world = World::new();
        world.follow();
        world.step(SOON).await.unwrap();
        world.server.with(|store| store.freeze(ServerId::default()));
        world.put("Service", service("old", "172.20.0.11"));
        assert!(world.step(MINUTE * 10).await.is_none());
        world.server.with(|store| store.thaw(ServerId::default()));
        assert!(world.step(MINUTE).await.is_some());
        assert!(world.known().contains_key("old"));
    });
}

#[test]
fn a_server_that_refuses_is_told_of_and_asked_again() {
    in_paused_time(async {
        let mut world = World::new();
        // A token that nobody here bears.
        world.server = world.server.clone().with_token("secret");
        world.follow();
        assert!(world.step(MINUTE).await.is_none());
        for status in world.shared.status().values() {
            let trouble = status.trouble.as_deref().unwrap_or_default();
            assert!(trouble.contains("401"), "{trouble}");
            // Half a second to four apart.
            assert!(status.lists == 0 && (12..40).contains(&status.failures), "{status:?}");
        }
    });
}
