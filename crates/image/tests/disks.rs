//! Disks made by the `qemu-img` of this machine; skipped, saying so, where there is none.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "the lint's exception for tests does not reach functions that tests share"
)]

use image::{
    Backing, Contents, Disk, DiskRequest, Disks, Error, ImageFormat, NewImage, QemuImg, Repair,
    Snapshot,
};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

const MIB: u64 = 1 << 20;

fn qemu_img() -> Option<QemuImg> {
    if Command::new("qemu-img")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        return Some(QemuImg::new("qemu-img"));
    }
    println!("skipped: there is no qemu-img here");
    None
}

fn request(name: &str, format: ImageFormat, contents: Contents) -> DiskRequest {
    DiskRequest {
        name: name.to_owned(),
        format,
        contents,
        options: Vec::new(),
    }
}

fn backing(disk: &Disk) -> Backing {
    Backing {
        path: disk.path.clone(),
        format: disk.format,
    }
}

/// A raw image with a little data in it.
fn base(directory: &Path) -> Backing {
    let path = directory.join("base.raw");
    let file = fs::File::create(&path).unwrap();
    file.set_len(8 * MIB).unwrap();
    file.write_all_at(b"from the base", 3 * MIB).unwrap();
    Backing {
        path,
        format: ImageFormat::Raw,
    }
}

#[tokio::test]
async fn blank_disks_have_the_size_and_format_asked_for() {
    let Some(qemu_img) = qemu_img() else { return };
    let directory = tempfile::tempdir().unwrap();
    let disks = Disks::new(directory.path().join("cache"), qemu_img);
    for format in [
        ImageFormat::Raw,
        ImageFormat::Qcow2,
        ImageFormat::Vmdk,
        ImageFormat::Vdi,
        ImageFormat::Qed,
    ] {
        let disk = disks
            .create(
                directory.path(),
                &request("d", format, Contents::Blank { size: 64 * MIB }),
            )
            .await
            .unwrap();
        let info = disks.qemu_img().info(&disk.path).await.unwrap();
        assert_eq!(info.virtual_size, 64 * MIB, "{format}");
        // A raw image has nothing that tells its format.
        assert_eq!(info.format, format.as_str());
        assert!(info.actual_size.unwrap() < MIB, "{format} is not sparse");
    }
}

#[tokio::test]
async fn two_blank_disks_share_nothing() {
    let Some(qemu_img) = qemu_img() else { return };
    let directory = tempfile::tempdir().unwrap();
    let disks = Disks::new(directory.path().join("cache"), qemu_img);
    let blank = Contents::Blank { size: 4 * MIB };
    let one = disks
        .create(
            directory.path(),
            &request("one", ImageFormat::Qcow2, blank.clone()),
        )
        .await
        .unwrap();
    let written = base(directory.path());
    disks
        .qemu_img()
        .convert(
            &written.path,
            written.format,
            &one.path,
            &NewImage::blank(ImageFormat::Qcow2, 0),
        )
        .await
        .unwrap();
    let two = disks
        .create(directory.path(), &request("two", ImageFormat::Qcow2, blank))
        .await
        .unwrap();
    assert!(
        !disks
            .qemu_img()
            .same_contents(&backing(&one), &backing(&two))
            .await
            .unwrap()
    );
    let report = disks
        .qemu_img()
        .check(&two.path, two.format, Repair::Nothing)
        .await
        .unwrap()
        .unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(
        fs::read_dir(directory.path().join("cache"))
            .unwrap()
            .count(),
        1,
        "the blank image was made once"
    );
}

#[tokio::test]
async fn a_disk_of_a_base_starts_with_its_contents_and_leaves_it_alone() {
    let Some(qemu_img) = qemu_img() else { return };
    let directory = tempfile::tempdir().unwrap();
    let base = base(directory.path());
    let before = fs::read(&base.path).unwrap();
    let disks = Disks::new(directory.path().join("cache"), qemu_img);
    for format in [ImageFormat::Raw, ImageFormat::Qcow2, ImageFormat::Vdi] {
        let disk = disks
            .create(
                directory.path(),
                &request("d", format, Contents::Of(base.clone())),
            )
            .await
            .unwrap();
        assert!(
            disks
                .qemu_img()
                .same_contents(&backing(&disk), &base)
                .await
                .unwrap(),
            "{format}"
        );
        if format != ImageFormat::Vdi {
            let grown = disks.qemu_img().resize(&disk.path, format, 16 * MIB, false);
            grown.await.unwrap();
        }
    }
    assert!(fs::read(&base.path).unwrap() == before);
}

#[tokio::test]
async fn an_overlay_names_its_base_and_the_bases_format() {
    let Some(qemu_img) = qemu_img() else { return };
    let directory = tempfile::tempdir().unwrap();
    let base = base(directory.path());
    let overlay = directory.path().join("overlay.qcow2");
    qemu_img
        .create(&overlay, &NewImage::overlay(&base.path, base.format))
        .await
        .unwrap();
    let chain = qemu_img.chain(&overlay).await.unwrap();
    assert_eq!(chain.len(), 2);
    assert_eq!(
        chain[0].full_backing_filename.as_deref(),
        Some(base.path.as_path())
    );
    assert_eq!(chain[0].backing_filename_format.as_deref(), Some("raw"));
    assert_eq!(chain[0].virtual_size, chain[1].virtual_size);

    qemu_img
        .rebase(&overlay, ImageFormat::Qcow2, None)
        .await
        .unwrap();
    assert_eq!(qemu_img.chain(&overlay).await.unwrap().len(), 1);
    let overlay = Backing {
        path: overlay,
        format: ImageFormat::Qcow2,
    };
    assert!(qemu_img.same_contents(&overlay, &base).await.unwrap());
}

#[tokio::test]
async fn internal_snapshots_come_and_go() {
    let Some(qemu_img) = qemu_img() else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("d.qcow2");
    qemu_img
        .create(&path, &NewImage::blank(ImageFormat::Qcow2, MIB))
        .await
        .unwrap();
    qemu_img
        .snapshot(&path, Snapshot::Create, "before")
        .await
        .unwrap();
    let info = qemu_img.info(&path).await.unwrap();
    assert_eq!(
        info.snapshots
            .iter()
            .map(|snapshot| snapshot.name.as_str())
            .collect::<Vec<_>>(),
        ["before"]
    );
    qemu_img
        .snapshot(&path, Snapshot::Apply, "before")
        .await
        .unwrap();
    qemu_img
        .snapshot(&path, Snapshot::Delete, "before")
        .await
        .unwrap();
    assert!(qemu_img.info(&path).await.unwrap().snapshots.is_empty());
}

#[tokio::test]
async fn a_damaged_image_is_reported_and_mended() {
    let Some(qemu_img) = qemu_img() else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("d.qcow2");
    let base = base(directory.path());
    qemu_img
        .convert(
            &base.path,
            base.format,
            &path,
            &NewImage::blank(ImageFormat::Qcow2, 0),
        )
        .await
        .unwrap();
    // The second refcount of the first refcount block (whose place the table at 48..56 of the header tells): cluster 1 is in use.
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    let number_at = |at: u64| {
        let mut bytes = [0; 8];
        file.read_exact_at(&mut bytes, at).unwrap();
        u64::from_be_bytes(bytes)
    };
    let first_block = number_at(number_at(48));
    file.write_all_at(&0_u16.to_be_bytes(), first_block + 2)
        .unwrap();

    let report = qemu_img
        .check(&path, ImageFormat::Qcow2, Repair::Nothing)
        .await
        .unwrap()
        .unwrap();
    assert!(report.corruptions > 0 && !report.is_clean(), "{report:?}");
    qemu_img
        .check(&path, ImageFormat::Qcow2, Repair::All)
        .await
        .unwrap();
    let report = qemu_img
        .check(&path, ImageFormat::Qcow2, Repair::Nothing)
        .await
        .unwrap()
        .unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert!(
        qemu_img
            .check(&base.path, ImageFormat::Raw, Repair::Nothing)
            .await
            .unwrap()
            .is_none(),
        "raw has no check"
    );
}

#[tokio::test]
async fn room_is_measured_before_it_is_taken() {
    let Some(qemu_img) = qemu_img() else { return };
    let measure = qemu_img
        .measure(&NewImage::blank(ImageFormat::Qcow2, 64 * MIB), None)
        .await
        .unwrap();
    assert!(
        measure.required < MIB && measure.fully_allocated > 64 * MIB,
        "{measure:?}"
    );
}

#[tokio::test]
async fn a_refusal_is_told_in_qemu_imgs_own_words() {
    let Some(qemu_img) = qemu_img() else { return };
    let error = qemu_img
        .info(Path::new("/nonexistent/d.qcow2"))
        .await
        .unwrap_err();
    let Error::Command {
        command, stderr, ..
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!(
        command,
        "qemu-img info -U --output=json /nonexistent/d.qcow2"
    );
    assert!(
        stderr.contains("No such file or directory") && !stderr.starts_with("qemu-img"),
        "{stderr}"
    );
}
