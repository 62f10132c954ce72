//! `org.virt-test.image`.

use image::{Backing, ImageFormat, ImageInfo, NewImage};

use crate::call::{Call, count, number};
use crate::failure::Failure;
use crate::generated::image::*;

impl Call<'_> {
    pub(crate) async fn image_create(&self, it: CreateCall) -> Result<CreateReply, Failure> {
        let qemu_img = self.test.qemu_img()?;
        let backing = match (it.backing, it.backing_format) {
            (Some(backing), format) => Some(Backing {
                path: self.path(&backing),
                format: match format {
                    Some(format) => known(&format)?,
                    None => known(&qemu_img.info(&self.path(&backing)).await?.format)?,
                },
            }),
            (None, None) => None,
            (None, Some(_)) => {
                return Err(Failure::invalid("a backing_format needs a backing"));
            }
        };
        let size = it.size.map(|size| count("size", size)).transpose()?;
        if size.is_none() && backing.is_none() {
            return Err(Failure::invalid("an image needs a size or a backing"));
        }
        let image = NewImage {
            format: known(it.format.as_deref().unwrap_or("qcow2"))?,
            size,
            backing,
            options: it.options.unwrap_or_default().into_iter().collect(),
        };
        let path = self.path(&it.path);
        qemu_img.create(&path, &image).await?;
        Ok(CreateReply {
            image: self.image(&it.path).await?,
        })
    }

    async fn image(&self, path: &str) -> Result<Image, Failure> {
        let info = self.test.qemu_img()?.info(&self.path(path)).await?;
        Ok(told(info))
    }

    pub(crate) async fn image_info(&self, it: InfoCall) -> Result<InfoReply, Failure> {
        Ok(InfoReply {
            image: self.image(&it.path).await?,
        })
    }

    pub(crate) async fn image_chain(&self, it: ChainCall) -> Result<ChainReply, Failure> {
        let chain = self.test.qemu_img()?.chain(&self.path(&it.path)).await?;
        Ok(ChainReply {
            images: chain.into_iter().map(told).collect(),
        })
    }

    pub(crate) async fn image_check(&self, it: CheckCall) -> Result<CheckReply, Failure> {
        let qemu_img = self.test.qemu_img()?;
        let path = self.path(&it.path);
        let format = match it.format {
            Some(format) => known(&format)?,
            None => known(&qemu_img.info(&path).await?.format)?,
        };
        let repair = match it.repair.unwrap_or(Repair::None) {
            Repair::None => image::Repair::Nothing,
            Repair::Leaks => image::Repair::Leaks,
            Repair::All => image::Repair::All,
        };
        let report = qemu_img.check(&path, format, repair).await?;
        let checked = report.is_some();
        let report = report.unwrap_or_default();
        Ok(CheckReply {
            report: Report {
                clean: report.is_clean(),
                checked,
                check_errors: number(report.check_errors),
                corruptions: number(report.corruptions),
                leaks: number(report.leaks),
                corruptions_fixed: number(report.corruptions_fixed),
                leaks_fixed: number(report.leaks_fixed),
            },
        })
    }

    pub(crate) async fn image_convert(&self, it: ConvertCall) -> Result<ConvertReply, Failure> {
        let to = NewImage {
            format: known(it.target_format.as_deref().unwrap_or("qcow2"))?,
            size: None,
            backing: None,
            options: Vec::new(),
        };
        let (from, format) = (self.path(&it.path), known(&it.format)?);
        let qemu_img = self.test.qemu_img()?;
        qemu_img
            .convert(&from, format, &self.path(&it.target), &to)
            .await?;
        Ok(ConvertReply {
            image: self.image(&it.target).await?,
        })
    }

    pub(crate) async fn image_resize(&self, it: ResizeCall) -> Result<ResizeReply, Failure> {
        let qemu_img = self.test.qemu_img()?;
        let size = count("size", it.size)?;
        let format = known(&it.format)?;
        let path = self.path(&it.path);
        qemu_img
            .resize(&path, format, size, it.shrink.unwrap_or(false))
            .await?;
        Ok(ResizeReply {
            image: self.image(&it.path).await?,
        })
    }

    pub(crate) async fn image_compare(&self, it: CompareCall) -> Result<CompareReply, Failure> {
        let one = Backing {
            path: self.path(&it.path),
            format: known(&it.format)?,
        };
        let other = Backing {
            path: self.path(&it.other),
            format: known(&it.other_format)?,
        };
        let same = self.test.qemu_img()?.same_contents(&one, &other).await?;
        Ok(CompareReply { same })
    }

    pub(crate) async fn image_snapshot(&self, it: SnapshotCall) -> Result<SnapshotReply, Failure> {
        let change = match it.action {
            SnapshotAction::Create => image::Snapshot::Create,
            SnapshotAction::Apply => image::Snapshot::Apply,
            SnapshotAction::Delete => image::Snapshot::Delete,
        };
        let path = self.path(&it.path);
        self.test
            .qemu_img()?
            .snapshot(&path, change, &it.name)
            .await?;
        Ok(SnapshotReply {
            image: self.image(&it.path).await?,
        })
    }

    pub(crate) async fn image_commit(&self, it: CommitCall) -> Result<CommitReply, Failure> {
        let format = known(&it.format)?;
        self.test
            .qemu_img()?
            .commit(&self.path(&it.path), format)
            .await?;
        Ok(CommitReply {})
    }
}

fn known(format: &str) -> Result<ImageFormat, Failure> {
    format
        .parse()
        .map_err(|error: image::UnknownFormat| Failure::invalid(error.to_string()))
}

fn told(info: ImageInfo) -> Image {
    Image {
        path: info.filename.display().to_string(),
        format: info.format,
        virtual_size: number(info.virtual_size),
        actual_size: info.actual_size.map(number),
        cluster_size: info.cluster_size.map(number),
        backing: info
            .full_backing_filename
            .or(info.backing_filename)
            .map(|path| path.display().to_string()),
        backing_format: info.backing_filename_format,
        dirty: info.dirty_flag,
        snapshots: info
            .snapshots
            .into_iter()
            .map(|snapshot| ImageSnapshot {
                id: snapshot.id,
                name: snapshot.name,
                vm_state_size: number(snapshot.vm_state_size),
            })
            .collect(),
        format_specific: match info.format_specific {
            Some(serde_json::Value::Object(specific)) => Some(specific),
            _ => None,
        },
    }
}
