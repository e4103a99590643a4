//! The import of a shop's product CSV, from its bytes to the catalog.

#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking, also in its helpers"
)]

use std::fmt::Write as _;

use doorbuster_domain::catalog::shopify_csv::{ImportError, import};
use doorbuster_domain::catalog::{Catalog, Image, Product};
use doorbuster_domain::id::Sku;
use doorbuster_domain::money::{Currency, Money};
use proptest::prelude::*;

const TODAY: &str = "\
Title,URL handle,Description,Vendor,Product category,Type,Tags,Published on online store,Status,\
SKU,Option1 name,Option1 value,Option2 name,Option2 value,Price,Compare-at price,\
Inventory quantity,Product image URL,Image position,Image alt text,Variant image URL
Wool Hat,wool-hat,<p>Soft &amp; <b>warm</b></p>,Mill,Apparel > Hats,Hats,\"wool, hats, wool\",TRUE,\
Active,HAT-S-RED,Size,Small,Color,Red,19.99,25,3,/images/hat.svg,2,A hat,/images/red.svg
,wool-hat,,,,,,,,HAT-L-RED,,Large,,Red,19.99,,-2,/images/side.svg,1,,
Mug,mug,,,,,,TRUE,Active,MUG,Title,Default Title,,,8,0,,,,,
";

const OLDER: &str = "\
Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,\
Option2 Value,Variant SKU,Variant Grams,Variant Inventory Qty,Variant Price,\
Variant Compare At Price,Image Src,Image Position,Image Alt Text,Gift Card,Variant Image
wool-hat,Wool Hat,<p>Soft &amp; <b>warm</b></p>,Mill,Hats,\"wool, hats, wool\",true,Size,Small,\
Color,Red,HAT-S-RED,0,3,19.99,25,/images/hat.svg,2,A hat,false,/images/red.svg
mug,Mug,,,,,true,Title,Default Title,,,MUG,0,,8,0,,,,false,
wool-hat,,,,,,,,Large,,Red,HAT-L-RED,0,-2,19.99,,,,,,
wool-hat,,,,,,,,,,,,,,,,/images/side.svg,1,,,
";

fn euro() -> Currency {
    "EUR".parse().unwrap()
}

fn read(text: &str) -> Catalog {
    import(text.as_bytes(), euro()).unwrap()
}

fn product<'a>(catalog: &'a Catalog, handle: &str) -> &'a Product {
    catalog.product(&handle.parse().unwrap()).unwrap()
}

fn skus(product: &Product) -> Vec<&str> {
    product.variants.iter().map(|variant| variant.sku.as_str()).collect()
}

#[test]
fn todays_dialect_is_read_in_full() {
    let catalog = read(TODAY);
    let hat = product(&catalog, "wool-hat");
    assert_eq!(hat.title, "Wool Hat");
    assert_eq!(hat.description, "Soft & warm");
    assert_eq!((hat.vendor.as_str(), hat.product_type.as_str()), ("Mill", "Hats"));
    assert_eq!(hat.tags, ["wool", "hats"]);
    assert_eq!(hat.options, ["Size", "Color"]);
    let small = &hat.variants[0];
    assert_eq!(small.sku.as_str(), "HAT-S-RED");
    assert_eq!(small.title, "Small / Red");
    assert_eq!(small.options, ["Small", "Red"]);
    assert_eq!(small.price, Money::new(1999, euro()).unwrap());
    assert_eq!(small.compare_at, Some(Money::new(2500, euro()).unwrap()));
    assert_eq!(small.quantity, 3);
    assert_eq!(small.image.as_deref(), Some("/images/red.svg"));
}

#[test]
fn both_dialects_give_the_same_catalog() {
    assert_eq!(read(OLDER), read(TODAY));
}

#[test]
fn header_names_are_matched_whatever_their_case() {
    let (header, rows) = TODAY.split_once('\n').unwrap();
    let loud = format!("{}\n{rows}", header.to_ascii_uppercase());
    assert_eq!(read(&loud), read(TODAY));
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_change_nothing() {
    assert_eq!(read(&format!("\u{feff}{}", TODAY.replace('\n', "\r\n"))), read(TODAY));
}

#[test]
fn empty_lines_and_rows_of_empty_fields_are_ignored() {
    let commas = ",".repeat(20);
    let airy = TODAY.replace('\n', &format!("\n\n{commas}\n , ,\n"));
    assert_eq!(read(&format!("\r\n\n{airy}")), read(TODAY));
}

#[test]
fn a_quoted_field_may_span_lines() {
    let text = "Handle,Title,Body (HTML),Price\nx,X,\"<p>One</p>\r\n\r\n<p>\"\"Two\"\"</p>\n\",1\n";
    assert_eq!(product(&read(text), "x").description, "One \"Two\"");
}

#[test]
fn images_stand_in_the_order_of_their_positions_and_only_once() {
    let image = |src: &str, alt: &str| Image { src: src.to_owned(), alt: alt.to_owned() };
    let catalog = read(TODAY);
    let hat = product(&catalog, "wool-hat");
    assert_eq!(hat.images, [image("/images/side.svg", ""), image("/images/hat.svg", "A hat")]);
    let text = "Handle,Title,Price,Image Src,Image Position\n\
                x,X,1,/z.svg,\nx,,,/b.svg,10\nx,,,/b.svg,1\nx,,,/a.svg,9\n";
    let catalog = read(text);
    let sources: Vec<&str> =
        product(&catalog, "x").images.iter().map(|image| image.src.as_str()).collect();
    assert_eq!(sources, ["/a.svg", "/b.svg", "/z.svg"]);
}

#[test]
fn a_product_in_one_form_has_no_options_and_its_variant_no_title() {
    let catalog = read(TODAY);
    let mug = product(&catalog, "mug");
    assert!(mug.options.is_empty());
    assert_eq!(mug.variants.len(), 1);
    assert_eq!(mug.variants[0].title, "");
    assert!(mug.variants[0].options.is_empty());
}

#[test]
fn a_quantity_that_is_absent_or_negative_is_none() {
    let catalog = read(TODAY);
    assert_eq!(product(&catalog, "wool-hat").variants[1].quantity, 0);
    assert_eq!(product(&catalog, "mug").variants[0].quantity, 0);
}

#[test]
fn a_compare_at_price_that_is_not_above_the_price_is_left_out() {
    let text = "Handle,Title,Price,Compare-at price\na,A,5,5.01\nb,B,5,5.00\nc,C,5,4\nd,D,5,0\n";
    let catalog = read(text);
    let shown: Vec<Option<u64>> = catalog
        .products
        .iter()
        .map(|product| product.variants[0].compare_at.map(|money| money.minor))
        .collect();
    assert_eq!(shown, [Some(501), None, None, None]);
}

#[test]
fn prices_have_the_decimals_of_the_files_currency() {
    let text = "Handle,Title,Price\na,A,1500\n";
    let price = |code: &str| {
        let catalog = import(text.as_bytes(), code.parse().unwrap()).unwrap();
        catalog.products[0].variants[0].price.to_string()
    };
    assert_eq!(price("JPY"), "1500 JPY");
    assert_eq!(price("KWD"), "1500.000 KWD");
}

#[test]
fn products_that_shoppers_may_not_see_are_left_out_and_not_judged() {
    let text = "Handle,Title,Published,Status,SKU,Price\n\
                a,A,TRUE,active,same,1\n\
                b,B,FALSE,active,same,\n\
                c,,TRUE,Draft,/,free\n\
                d,D,true,ARCHIVED,,\n\
                e,E,,Unlisted,,\n\
                f,F,,,,2\n\
                b,,,,,not judged either\n";
    let catalog = read(text);
    let handles: Vec<&str> = catalog.products.iter().map(|p| p.handle.as_str()).collect();
    assert_eq!(handles, ["a", "f"]);
}

#[test]
fn products_stand_in_the_order_of_their_first_rows() {
    let text = "Handle,Title,Price,Option1 Name,Option1 Value\n\
                z,Z,1,Size,S\na,A,1,,\nz,,1,,M\nm,M,1,,\nz,,1,,L\n";
    let catalog = read(text);
    let handles: Vec<&str> = catalog.products.iter().map(|p| p.handle.as_str()).collect();
    assert_eq!(handles, ["z", "a", "m"]);
    let titles: Vec<&str> =
        catalog.products[0].variants.iter().map(|variant| variant.title.as_str()).collect();
    assert_eq!(titles, ["S", "M", "L"]);
}

#[test]
fn a_missing_sku_is_derived_and_never_takes_one_of_the_file() {
    let text = "Handle,Title,Option1 Name,Option1 Value,SKU,Price\n\
                classic-varsity-top,Top,Size,Small,,1\n\
                classic-varsity-top,,,small,,1\n\
                classic-varsity-top,,,Extra Large,,1\n\
                b,B,,,classic-varsity-top-small,1\n\
                mug,Mug,,,,1\n";
    let catalog = read(text);
    assert_eq!(
        skus(product(&catalog, "classic-varsity-top")),
        [
            "classic-varsity-top-small-2",
            "classic-varsity-top-small-3",
            "classic-varsity-top-extra-large",
        ]
    );
    assert_eq!(skus(product(&catalog, "mug")), ["mug"]);
}

#[test]
fn a_variant_is_found_by_its_sku_with_its_product() {
    let catalog = read(TODAY);
    let (hat, large) = catalog.variant(&"HAT-L-RED".parse().unwrap()).unwrap();
    assert_eq!((hat.handle.as_str(), large.title.as_str()), ("wool-hat", "Large / Red"));
    assert_eq!(catalog.variant(&"HAT".parse().unwrap()), None);
    assert_eq!(catalog.product(&"hat".parse().unwrap()), None);
}

#[test]
fn catalog_json_unchanged() {
    let catalog = read("Handle,Title,Vendor,SKU,Price,Image Src\nmug,Mug,Mill,M1,8,/mug.svg\n");
    let json = "{\"currency\":\"EUR\",\"products\":[{\"handle\":\"mug\",\"title\":\"Mug\",\
                \"description\":\"\",\"vendor\":\"Mill\",\"product_type\":\"\",\"tags\":[],\
                \"options\":[],\"images\":[{\"src\":\"/mug.svg\",\"alt\":\"\"}],\"variants\":\
                [{\"sku\":\"M1\",\"title\":\"\",\"options\":[],\
                \"price\":{\"minor\":800,\"currency\":\"EUR\"},\"compare_at\":null,\
                \"quantity\":0,\"image\":null}]}]}";
    assert_eq!(serde_json::to_string(&catalog).unwrap(), json);
    assert_eq!(serde_json::from_str::<Catalog>(json).unwrap(), catalog);
}

#[test]
fn the_sample_catalog_is_whole_and_every_picture_is_there() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let bytes = std::fs::read(format!("{root}/sample/catalog.csv")).unwrap();
    let catalog = import(&bytes, euro()).unwrap();
    assert!(catalog.products.len() >= 12);
    assert!(catalog.products.iter().map(|product| product.variants.len()).sum::<usize>() >= 20);
    for product in &catalog.products {
        assert_eq!(product.images[0].src, format!("/images/{}.svg", product.handle));
        let svg = std::fs::read(format!("{root}/public{}", product.images[0].src)).unwrap();
        assert!(svg.starts_with(b"<svg ") && svg.len() < 2048, "{}", product.handle);
        assert!(!product.images[0].alt.is_empty() && !product.description.is_empty());
        assert!(product.variants.iter().all(|variant| variant.quantity > 0));
    }
}

/// What holds of every catalog that an import lets through.
fn invariant_catalog(catalog: &Catalog) {
    assert!(!catalog.products.is_empty());
    let mut handles = std::collections::BTreeSet::new();
    let mut skus = std::collections::BTreeSet::<Sku>::new();
    for product in &catalog.products {
        assert!(handles.insert(product.handle.clone()));
        assert!(!product.title.is_empty() && !product.variants.is_empty());
        for variant in &product.variants {
            assert!(skus.insert(variant.sku.clone()));
            assert_eq!(variant.options.len(), product.options.len());
            assert_eq!(variant.price.currency, catalog.currency);
        }
    }
}

/// One change to a file: at a place (in thousandths of its length), so many bytes are replaced.
fn change() -> impl Strategy<Value = (usize, usize, Vec<u8>)> {
    let piece = prop::sample::select(vec![
        "",
        ",",
        "\"",
        "\"\"",
        "\n",
        "\r\n",
        "\r",
        ";",
        "\0",
        "é",
        "\u{feff}",
        "<",
        "&",
        "-",
        "0",
        "wool-hat",
        "Size",
        "https://",
        "Draft",
        "99999999999999999999",
    ]);
    let bytes = prop_oneof![
        4 => piece.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    (0_usize..1000, 0_usize..12, bytes)
}

fn check_any(bytes: &[u8]) {
    match import(bytes, euro()) {
        Ok(catalog) => invariant_catalog(&catalog),
        Err(ImportError { line, problem, .. }) => {
            let lines = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).count();
            assert!(line >= 1 && line <= u64::try_from(lines).unwrap(), "{line} of {lines}");
            assert!(!problem.to_string().is_empty());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn no_bytes_make_the_import_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_any(&bytes);
    }

    #[test]
    fn no_change_of_a_file_makes_the_import_panic_or_lets_through_a_broken_catalog(
        older in any::<bool>(),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        let mut bytes = if older { OLDER } else { TODAY }.as_bytes().to_vec();
        for (place, count, with) in changes {
            let start = bytes.len() * place / 1000;
            let end = bytes.len().min(start + count);
            bytes.splice(start..end, with);
        }
        check_any(&bytes);
    }

    #[test]
    fn the_line_of_a_problem_is_true_after_any_rows(
        fillers in prop::collection::vec(
            ("[a-z]{0,3}(\r?\n[a-z]{0,3}){0,3}", "(\r?\n){1,3}"),
            0..8,
        ),
    ) {
        let mut text = "Handle,Title,Price\n".to_owned();
        for (n, (title, ends)) in fillers.iter().enumerate() {
            write!(text, "p{n},\"t{title}\",1{ends}").unwrap();
        }
        let line = text.matches('\n').count() + 1;
        text.push_str("last,Last,free\nbeyond,,\n");
        let error = import(text.as_bytes(), euro()).unwrap_err();
        prop_assert_eq!(error.line, u64::try_from(line).unwrap());
        prop_assert_eq!(error.column.as_deref(), Some("Price"));
    }
}
