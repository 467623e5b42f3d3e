//! A connection after its protocol was upgraded: bytes both ways, unseen by the Worker.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

/// Runs until both peers are done.
pub(super) async fn run(client: OnUpgrade, origin: OnUpgrade) {
    let (client, origin) = match tokio::try_join!(client, origin) {
        Ok(both) => both,
        Err(error) => {
            tracing::debug!(%error, "an upgrade did not come about");
            return;
        }
    };
    let (mut client, mut origin) = (TokioIo::new(client), TokioIo::new(origin));
    if let Err(error) = copy_bidirectional(&mut client, &mut origin).await {
        tracing::debug!(%error, "an upgraded connection ended early");
    }
}
