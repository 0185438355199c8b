//! The way into a store.

use std::{ffi::OsString, sync::Arc};

use object_store::{ObjectStore, ObjectStoreScheme, local::LocalFileSystem, path::Path};
use url::Url;

/// Longest request, that of a part over a slow line.
const REQUEST_MAX: &str = "10 minutes";

/// The store of a URL, and the place in it. How to get in is said by variables of the store's own.
pub(crate) fn opened(url: &Url) -> object_store::Result<(Arc<dyn ObjectStore>, Path)> {
    let (scheme, path) = ObjectStoreScheme::parse(url)?;
    let own = match scheme {
        ObjectStoreScheme::Local => {
            let folder = LocalFileSystem::new().with_fsync(true).with_automatic_cleanup(true);
            return Ok((Arc::new(folder), path));
        }
        ObjectStoreScheme::AmazonS3 => "AWS_",
        ObjectStoreScheme::GoogleCloudStorage => "GOOGLE_",
        ObjectStoreScheme::MicrosoftAzure => "AZURE_",
        _ => {
            return Err(object_store::Error::NotImplemented {
                operation: url.scheme().to_owned(),
                implementer: "no store".to_owned(),
            });
        }
    };
    let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    let variables = std::env::vars_os().filter_map(text).filter(|(name, _)| name.starts_with(own));
    let timeout = ("timeout".to_owned(), REQUEST_MAX.to_owned());
    let (store, path) = object_store::parse_url_opts(url, [timeout].into_iter().chain(variables))?;
    Ok((store.into(), path))
}
