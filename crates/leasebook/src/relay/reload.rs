//! SIGHUP: the configuration read again.

use super::daemon::{Daemon, wants_link_layers};
use super::servers::servers;
use crate::config::relay::{self as config, RelayConfig};
use crate::log::{LogControl, events};
use crate::{metrics, systemd, tell};

impl Daemon {
    /// Reads the configuration again; a wrong one changes nothing.
    pub(super) async fn reload(&mut self, log: &LogControl) {
        systemd::reloading();
        match config::load(&self.path) {
            Ok(loaded) => {
                for warning in &loaded.warnings {
                    tell!(events::LBK_CONFIG_DOUBTFUL, what = %warning);
                }
                let (old, new) = (&self.config, loaded.config);
                let fixed = [
                    ("relay-id", old.relay_id != new.relay_id),
                    ("state", old.state != new.state),
                    ("control", old.control != new.control),
                    ("port", old.port != new.port),
                    ("routes", old.routes != new.routes),
                    ("vrf", old.vrf != new.vrf),
                    ("filter", old.filter != new.filter),
                    (
                        "interface.client-link-layer",
                        wants_link_layers(&new) && !wants_link_layers(old),
                    ),
                    (
                        "recovery.keep-every",
                        old.recovery.keep_every != new.recovery.keep_every,
                    ),
                    ("lightweight", old.lightweight != new.lightweight),
                    ("server", old.servers != new.servers),
                    ("metrics", old.metrics != new.metrics),
                ];
                let settings: Vec<&str> = fixed
                    .iter()
                    .filter(|(_, is_changed)| *is_changed)
                    .map(|(name, _)| *name)
                    .collect();
                if !settings.is_empty() {
                    tell!(events::LBK_RESTART_NEEDED, settings = settings.join(", "));
                }
                log.change(new.log.level, new.log.clients);
                self.config = RelayConfig {
                    relay_id: old.relay_id.clone(),
                    state: old.state.clone(),
                    control: old.control.clone(),
                    port: old.port,
                    routes: old.routes.clone(),
                    vrf: old.vrf.clone(),
                    filter: old.filter.clone(),
                    recovery: config::Recovery {
                        keep_every: old.recovery.keep_every,
                        ..new.recovery.clone()
                    },
                    lightweight: old.lightweight.clone(),
                    servers: old.servers.clone(),
                    metrics: old.metrics,
                    ..new
                };
                self.relayed_to = servers(&self.config).await;
                self.configure();
                if self.look() {
                    self.recover_soon("reload");
                }
                tell!(events::LBK_RELOADED, config = %self.path.display());
                metrics::count_reload("done");
            }
            Err(error) => {
                tell!(events::LBK_RELOAD_FAILED, error = %error);
                metrics::count_reload("failed");
            }
        }
    }
}
