//! Providers agree with each other.

use folkmoot_crypto::{CipherSuite, Crypto, Provider, provider, suite_one};

#[test]
fn a_provider_gives_the_suites_that_it_names() {
    for provider in Provider::ALL {
        for suite in CipherSuite::ALL {
            let found = provider.suite(suite).map(Crypto::suite);
            let named = provider.supported().any(|supported| supported == suite);
            assert_eq!(found, named.then_some(suite), "{provider:?}");
        }
        assert!(provider.suite(CipherSuite(0xfafa)).is_none());
    }
}

#[test]
fn the_default_providers() {
    assert_eq!(suite_one().suite(), CipherSuite(1));
    assert!(provider(CipherSuite(0)).is_none());
    assert!(provider(CipherSuite(0xfafa)).is_none());
    for suite in CipherSuite::ALL {
        let somebody_has_it = Provider::ALL
            .into_iter()
            .any(|provider| provider.suite(suite).is_some());
        let found = provider(suite).map(Crypto::suite);
        assert_eq!(found, somebody_has_it.then_some(suite));
    }
}
